//! The classes of words. General knowledge of the languages; what they help to find is measured in
//! `tests/injection.rs`.
//!
//! A class is a list of words that mean the same here, in any language; `*`: whatever begins with it.

/// The bit of the first class: words that may stand anywhere between.
pub(super) const FILL: u64 = 1;

/// The classes; at most 64.
pub(super) const CLASSES: &[(&str, &str)] = &[
    (
        "fill",
        "the all any every each of your these those this that his its our their and or other such some \
         previous prior earlier above preceding foregoing following initial original old last former existing current given system \
         safety content ethical moral security programmed predefined default developer openai openais hidden secret internal \
         me us to please just now completely totally entirely fully simply both exact exactly full entire whole complete real actual very own \
         further more present provided received with in for as always ever must should would also only even legal normal usual verbatim \
         prompt custom assistant user admin core base guiding operating \
         alle allen aller alles die der das den dem deine deiner deinen dein ihre ihrer vorherigen vorigen vorherige bisherigen bisherige obigen obige fruheren \
         mir uns bitte und diese dieser diesen jegliche samtliche samtlichen ursprunglichen ursprungliche komplett vollstandig sofort nun ab \
         toutes tous toute tout les le la l des de du d tes ton ta vos votre ces precedentes precedents anterieures anterieurs moi nous s il te vous plait et \
         todas todos toda todo las los lo el tus tu sus su mis estas estos anteriores anterior previas previos previa me nos por favor y del al mi \
         tutte tutti tutta tutto le gli i il lo tue tuoi tuo tua sue suoi vostre precedenti precedente anteriori mi ci per favore e delle dei degli dell \
         as os o seus suas seu sua teus tuas essas estas prévias previas mim nos e do da dos das qualquer quaisquer \
         alle al de het je jouw uw deze die eerdere vorige voorgaande bovenstaande mij ons alsjeblieft en alsof van \
         wszystkie wszystkich wszelkie poprzednie poprzednich wczesniejsze powyzsze twoje swoje mi nam prosze i te \
         все всех всеми предыдущие предыдущих прежние прошлые вышеуказанные вышеперечисленные свои свой твои твой ваши ваш мне нам пожалуйста и эти этих данные любые \
         的 之前 先前 以前 前面 上面 以上 此前 所有 全部 一切 任何 你 您 你们 我 给 请 了 那些 这些 和 与 我的 你的 您的 原始 初始 最初 完整 把 将 地 \
         の を に は が て で これまで すべて 全て 全部の あなた あなたの 前の 上記 上記の 私 ください 以前の 今まで 与えられた 元 元の \
         이전 이전의 이전에 위 위의 모든 모두 전부 당신 당신의 너의 네 내게 나에게 앞선 기존 기존의 지금까지의 받은 및 그 \
         सभी सब पिछले पिछली पहले के की को का अपने अपना अपनी मुझे कृपया और इन उन दिए गए ऊपर \
         جميع كل السابقة السابقه السابق كافة التي الذي لي من و هذه تلك الخاصة الخاص بك",
    ),
    (
        "ignore",
        "ignore ignoring disregard disregarding overlook bypass override overwrite neglect nullify dismiss \
         ignoriere ignorieren ignoriert missachte missachten beachte \
         ignorez ignorer ignora ignorar ignoren ignorare ignorate ignorem negeer negeren \
         zignoruj zignorowac ignoruj pomin игнорируй* проигнорируй* игнорировать проигнорировать не-учитывай \
         忽略 忽视 無視 无视 忽略掉 不理会 不要理会 무시하* 무시해* अनदेखा नजरअंदाज नज़रअंदाज तजाहुल تجاهل تجاهلي تجاهلوا",
    ),
    (
        "forget",
        "forget forgetting skip omit drop discard erase delete clear abandon \
         vergiss vergesst vergessen uberspringe losche oublie oubliez oublier olvida olvide olvidar olviden dimentica dimenticare dimenticate scorda \
         esqueca esquecer esquece vergeet vergeten zapomnij zapomniec забудь* забыть отбрось \
         忘记 忘掉 忘了 抛开 丢弃 忘れ 忘れて 忘れろ 破棄 잊어* 잊으* भूल भुला انس انسي انسى انسوا",
    ),
    (
        "prior",
        "previous prior earlier above preceding foregoing before initial original former existing previously beforehand \
         vorherigen vorigen vorherige bisherigen bisherige obigen obige oben vorher zuvor fruheren vorangegangenen vorangehenden vorstehenden ursprunglichen \
         precedentes precedents precedente precedent anterieures anterieurs ci-dessus initiales dessus avant \
         anteriores anterior previas previos previa previo arriba iniciales precedenti anteriori iniziali sopra acima iniciais \
         eerdere vorige voorgaande bovenstaande hierboven poprzednie poprzednich wczesniejsze wczesniejszych powyzsze powyzszych \
         предыдущие предыдущих прежние прежних прошлые вышеуказанные вышеперечисленные ранее выше \
         之前 先前 以前 前面 上面 以上 此前 上述 これまで 以前の 今まで 前の 上記 上記の 이전 이전의 이전에 위 위의 앞선 기존 기존의 지금까지의 \
         पिछले पिछली पहले ऊपर السابقة السابقه السابق أعلاه سابقا",
    ),
    (
        "all",
        "all any every each alle allen jegliche samtliche samtlichen toutes tous toute todas todos toda tutte tutti qualquer quaisquer \
         wszystkie wszystkich wszelkie все всех любые 所有 全部 一切 任何 すべて 全て 모든 모두 सभी सब جميع كل كافة",
    ),
    (
        "your",
        "your deine deiner deinen dein ihre ihrer tes ton ta vos votre tus tu tue tuoi tuo tua vostre seus suas seu sua teus jouw je uw twoje swoje twoj твои твой ваши ваш свои 你 您 你的 您的 あなた あなたの 당신 당신의 너의 네 अपने अपना अपनी आपके आपका",
    ),
    (
        "rules",
        "instruction instructions directive directives direction directions rule rules guideline guidelines prompt prompts prompting command commands order orders \
         restriction restrictions policy policies programming training protocols protocol constraints limitations safeguards \
         anweisung anweisungen anweisunge* instruktionen vorgaben regeln richtlinien befehle vorschriften eingabeaufforderungen eingabeaufforderung \
         consignes consigne regles directives ordres instruccion instrucciones directrices directivas reglas ordenes indicaciones \
         istruzioni istruzione direttive regole ordini comandi instrucao instrucoes diretrizes regras ordens comandos \
         instructies instructie aanwijzingen opdrachten richtlijnen regels instrukcje instrukcji polecenia polecen wytyczne zasady \
         инструкции инструкций инструкциями указания указаний правила правил команды команд директивы промпт промпты \
         指令 指示 提示 提示词 规则 命令 规定 要求 说明 ルール 規則 プロンプト 지시 지시를 지시사항* 지침* 명령* 규칙* 프롬프트* \
         निर्देश निर्देशो निर्देशों आदेश आदेशों नियम नियमों التعليمات تعليمات التعليمات الأوامر أوامر القواعد التوجيهات",
    ),
    (
        "talk",
        "context contexts messages conversation conversations chat chats inputs text content contents requests questions responses replies dialogue info information statements \
         kontext nachrichten unterhaltung text conversacion contexto contexte conversation contesto conversazione conversa kontekst контекст сообщения 对话 上下文 内容 消息 会話 文脈 内容 대화* 내용* बातचीत संदर्भ المحادثة السياق",
    ),
    (
        "not",
        "not dont don't doesn't doesnt never no cannot can't cant won't wont isn't isnt aren't arent didn't shall-not nor without neither non nicht kein keine keinen niemals ne pas jamais no nunca jamas non mai nao niet geen nie не никогда 不 不要 不再 别 没有 无 ない 아니 안 नहीं मत لا لن",
    ),
    (
        "follow",
        "follow following obey obeying adhere adhering comply complying abide abiding listen heed respect observe conform stick consider \
         befolge befolgen folge folgen beachte beachten halte suis suivez suivre respecter respecte obedece obedecer seguir sigas sigue respetar segui seguire rispettare siga seguir obedecer volg volgen przestrzegaj следуй следовать соблюдай соблюдать \
         遵守 遵循 听从 服从 従う 従わ 따르* 따라* पालन اتبع تتبع",
    ),
    (
        "sov",
        "ignorieren vergessen missachten negeren vergeten ignorar olvidar ignorer oublier 無視 忽略 忘れ 忘れて 忘记 忘掉 無視して 무시하* 무시해* 잊어* 잊으* अनदेखा नजरअंदाज नज़रअंदाज भूल भुला",
    ),
    (
        "show",
        "show reveal print output repeat display tell give share provide list disclose expose dump leak return recite copy echo reproduce see read view describe explain state say write encode convert translate summarize paraphrase rephrase spell know reply respond answer send type recall quote paste \
         zeig zeige zeigt nenne gib wiederhole verrate drucke ausgeben offenbare montre montrez affiche affichez revele revelez repete repetez donne donnez dis \
         muestra muestrame muestre revela revelame repite dime dame imprime ensename mostra mostrami rivela rivelami ripeti dimmi stampa mostre revele repita diga exiba imprima \
         toon laat herhaal onthul geef vertel pokaz ujawnij powtorz wypisz podaj wyswietl покажи* раскрой* повтори* выведи* напиши* расскажи* сообщи* \
         显示 告诉 输出 重复 展示 透露 打印 泄露 公开 说出 复述 教えて 表示 見せて 出力 繰り返し 開示 보여* 알려* 출력* 공개* 말해* दिखा* बता* प्रकट أظهر اظهر اعرض اكشف اطبع كرر أخبرني",
    ),
    (
        "dump",
        "show reveal print output repeat display disclose expose dump leak recite copy echo reproduce return quote paste wiederhole repete repetez repite ripeti repita herhaal powtorz повтори* 重复 复述 输出 打印 繰り返し 出力 반복* 출력* दोहरा* كرر",
    ),
    (
        "hidden",
        "system initial starting original hidden secret internal underlying base core pre confidential developer startup preliminary initialization setup configuration configured operating \
         systeme sistema systeem systemowy systemowe systemowa системный системные системную системное начальные исходные скрытые 系统 系統 初始 隐藏 内部 システム 初期 시스템* 초기 숨겨진 सिस्टम النظام",
    ),
    (
        "prompt",
        "prompt prompts instruction instructions message messages configuration directive directives rules rule guidelines guideline setup settings context preamble parameters constraints programming \
         anweisung anweisungen instruktionen konfiguration consignes instrucciones configuracion istruzioni instrucoes configuracao instructies instrukcje polecenie инструкции инструкцию промпт* подсказку \
         提示词 提示 指令 指示 设定 プロンプト 設定 프롬프트* 지시* 지침* 명령* निर्देश निर्देशों प्रॉम्प्ट* تعليمات التعليمات",
    ),
    (
        "sysprompt",
        "systemprompt systemprompts systemanweisung systemanweisungen sysprompt システムプロンプト 系统提示词 系统提示 시스템프롬프트*",
    ),
    (
        "limits",
        "restriction restrictions restricted limit limits limitation limitations filter filters filtering censor censorship boundary boundaries constraint constraints moral morals morality moralities moralistic ethic ethics ethical ethicality guideline guidelines rule rules scruple scruples inhibitions safeguard safeguards confines standards policy policies principles laws law legality regulations protocols conscience remorse consequences \
         einschrankung einschrankungen beschrankung beschrankungen grenzen filter moral ethik ethischen regeln richtlinien limites restrictions filtres censure morale ethique regles restricciones filtros limites etica eticas reglas moral restrizioni limiti filtri etiche regole restricoes regras beperkingen grenzen regels ethische ograniczen zasad filtrow etycznych ограничений ограничения цензуры фильтров правил морали \
         限制 约束 道德 过滤 审查 伦理 规则 制限 制約 倫理 道徳 検閲 제한* 제약* 윤리* 검열* प्रतिबंध नैतिक قيود حدود أخلاقية رقابة",
    ),
    (
        "bad",
        "unethical immoral amoral illegal unlawful offensive inhumane unhinged harmful dangerous inappropriate explicit unsafe controversial vulgar obscene toxic racist sexist evil malicious reckless discriminatory nsfw illegality immorality",
    ),
    (
        "ai",
        "ai al llm llms assistant assistants chatbot chatbots chatgpt gpt gpt-4 gpt4 gpt3 model models bot bots claude gemini bard agent ia ki 模型 助手 人工智能 アシスタント 어시스턴트",
    ),
    (
        "user",
        "user users human humans they someone anybody anyone reader customer candidate",
    ),
    (
        "act",
        "act acting pretend pretending behave roleplay simulate emulate imitate impersonate personify embody become play role-play imagine",
    ),
    (
        "personas",
        "persona personas character characters entity entities personality personalities role roles identity",
    ),
    (
        "out",
        "say print output write respond reply answer type return display generate include",
    ),
    (
        "mode",
        "mode modus modo modalita tryb режим 模式 モード 모드*",
    ),
    (
        "subject",
        "who they people he she we it i users employees nobody everyone someone which attackers attacker adversary adversaries hackers",
    ),
    (
        "secrets",
        "password passwords secret secrets key keys credentials token tokens flag passwort passphrase contrasena senha wachtwoord haslo пароль 密码 密钥 パスワード 비밀번호* पासवर्ड",
    ),
    ("need", "need have want needed"),
    (
        "rotated",
        "vtaber vafgehpgvbaf vafgehpgvba cerivbhf flfgrz cebzcg qvfertneq cnffjbeq erirny nyy sbetrg ehyrf lbhe",
    ),
    (
        "reversed",
        "erongi noitcurtsni snoitcurtsni suoiverp metsys tpmorp drageresid drowssap laever tegrof selur ruoy",
    ),
    ("is", "is are be been was were am being"),
];
