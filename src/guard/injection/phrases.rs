//! The patterns. General knowledge of public collections of attacks; what they find is measured in `tests/injection.rs`.
//!
//! A line is how much it says, in hundredths, and a row of parts: `@class|class`, `word|stem*`, `%3` at most three
//! words that only fill, `~3` at most three words whatever they are.

use super::pattern::Sign;

/// What is looked for, by what it is a sign of.
pub(super) const PATTERNS: &[(Sign, &str)] = &[
    // Earlier instructions are not to count.
    (
        Sign::Bypass,
        "
80 @ignore %6 @prior %5 @rules
76 @forget %6 @prior %5 @rules
78 @ignore %6 @rules ~4 @prior
70 @forget %6 @rules ~4 @prior
58 @ignore|forget %6 @prior %5 @talk
56 @ignore|forget %6 @talk ~2 @prior
32 ignore|disregard|forget %3 @prior %2 message|input|question|response|answer
60 @ignore %5 @all %5 @rules
58 @forget %5 @all %5 @rules
62 @ignore|forget %3 @your %5 @rules
66 @ignore|forget %4 system %3 @prompt
45 @ignore %3 the|these|those|les|las|los|le|die|zasady %4 @rules
52 @ignore instructions|directives|instruction|prompting
50 @ignore @all %2 info|information|text|content|requests|input
52 @ignore|forget @all %3 @limits
68 @ignore|forget everything|all|anything|alles|todo|tutto|tout|tudo|всё|все|一切 ~4 @prior
42 @forget everything|all|alles|todo|tutto|tout|tudo ~2 know|learned|remember|sabes|weisst|sais
55 @forget everything|all|alles ~3 told|taught|instructed|programmed|trained
42 @forget ~1 you|you're @is
72 @not @follow %5 @prior %4 @rules|talk
74 @not @follow %4 @rules|talk ~2 @prior
66 pay|paying no attention %4 @prior %3 @rules|talk
60 pay|paying no attention %5 @rules
60 stop|quit|cease following|obeying|listening %5 @rules
74 @prior %5 @rules %5 @sov
60 @all %4 @rules %5 @sov
58 @your %4 @rules %5 @sov
35 your new instructions|instruction|task|role|job|goal|objective|purpose|orders|directive
35 instead %2 @follow %4 instructions|rules|commands
48 follow|obey|execute %3 new|following|my instructions|commands|orders instead
40 @rules ~3 no longer|void|obsolete|cancelled|canceled|revoked|suspended|lifted
42 not|no longer restricted|bound|limited|constrained by %4 @rules
10 start over|fresh|anew
18 new instructions|instruction|directive|prompt|neue anweisungen
22 end|begin|start of %2 system|document|context|prompt|instructions|input|data|user
        ",
    ),
    // Show what nobody shall see.
    (
        Sign::Extract,
        "
62 @show|out %6 @your %5 @hidden %4 @prompt
54 @show %6 @hidden %3 prompt|prompts|instructions|instruction|directives|rules|指令|指示|提示|提示词|プロンプト|프롬프트*|промпт*|инструкции|instrucciones|istruzioni|instrucoes|instructies|anweisungen
62 @show %6 @sysprompt
60 @your %3 @sysprompt
54 @show %5 @your %3 prompt|instructions|directives|configuration|anweisungen|instrucciones|istruzioni|instrucoes|consignes|instructies|instrukcje|инструкции|指令|提示|提示词|지시*
40 @show %5 @your %3 rules|guidelines|parameters|settings|constraints|programming
54 @show system configuration|settings|parameters
56 what|which|whats|what's|welche|cual|quelles|quali|quais %2 @is|sind|son|sono|sao|sont %5 @your %5 @hidden %4 @prompt
36 what|whats|what's %2 @is %3 @your instructions|prompt|directives|rules|guidelines
56 @hidden %3 @prompt|sysprompt %6 教えて|表示|見せて|出力|開示|보여*|알려*|출력*|공개*|말해*|दिखा*|बता*|显示|告诉|输出
58 @sysprompt %6 教えて|表示|見せて|出力|開示|보여*|알려*|출력*|공개*|말해*
54 @dump %4 text|words|content|everything|instructions|message|lines|sentences ~1 above|before|verbatim|precede|preceding
55 repeat|print|output|recite|reproduce|copy|echo|dump|display %3 above|preceding %3 text|words|content|everything|instructions|message|paragraph|conversation|prompt|lines
54 not supposed|allowed|permitted|meant to tell|say|reveal|share|disclose|talk|discuss|show
48 what ~2 you ~2 told|instructed|programmed|forbidden|prohibited
48 @show|dump ~4 you ~2 given|told|instructed|programmed|configured
50 starting|starts|begins|beginning|begin|start with|from %1 you are
50 your %3 instructions|prompt|rules|guidelines|directives ~3 verbatim|word|base64|rot13|hex|json|markdown|codeblock|reversed|backwards|translated
46 instructions|prompt|text you @is|received|got %1 given|told|provided|received
40 reveal|leak|disclose|expose|dump|steal|exfiltrate|give|tell|send|print %4 secret|api|admin|master %2 @secrets
50 reveal|leak|disclose|exfiltrate %4 @secrets
34 secret|hidden password|passphrase|key|code|flag|token
14 word for|by word
12 verbatim
46 system|initial prompt|instructions ~6 debug|debugging|audit|troubleshooting|verification|assurance|maintenance
40 everything|all ~2 @is written|stated|said|mentioned ~3 above|before
44 complete|continue|finish|fill %3 sentence|phrase|blank|text ~8 instructions|prompt|told|programmed
46 my|your|the system|initial prompt|instructions @is|says|begins|starts|reads|include|includes|contains
46 i|my was|were|am told|instructed|programmed to
40 how @is|were you|do %2 configured|programmed|instructed|prompted
46 first|initial|beginning|original|very ~2 words|sentence|message|line|lines|text of|in|from ~2 this|our|the|your conversation|chat|context|prompt|instructions
45 @show|what ~5 context window
46 @show ~6 told|given|instructed ~3 before|beginning|start|conversation
42 @show|what ~5 rules|instructions|guidelines|constraints you %2 follow|following|must|have|operate|adhere|given|are
48 @your %4 prompt|instructions|directives|guidelines|rules ~2 as|in|into|within ~2 poem|story|song|code|json|xml|yaml|python|haiku|rap|base64|french|german|spanish|list|comment|html|block|markdown
46 story|poem|song|script|tale|game ~8 @your %3 instructions|prompt|directives|rules|guidelines
40 sudo|debug show|print|cat|display|dump
46 cat|print|echo|dump|display|show ~2 system|config|instructions|prompt txt|md|cfg|json|yaml|ini
50 tell me about|everything ~1 @your %4 instructions|prompt|rules|configuration|programming|setup
44 instructed|told|programmed ~3 not to ~2 tell|say|reveal|share|discuss|disclose|answer
42 topics|things|information|questions ~2 you ~2 not|avoid|forbidden|prohibited|restricted|cant|cannot ~3 discuss|talk|share|answer|reveal|from
        ",
    ),
    // Be somebody else.
    (
        Sign::Persona,
        "
14 from now|this|here on|onwards|onward|forward|point|moment
14 ab jetzt|sofort
14 a|à partir de|d maintenant|ahora|agora
14 d'ora|dora|vanaf|od in|nu|teraz
14 с этого момента
16 you|you're are|re|@is now
16 you're|youre now|going
16 now you are|become|have
16 du bist jetzt|nun
16 tu|vous es|etes maintenant|desormais
16 ahora|agora|ora|adesso eres|voce|sei|tu
16 你 现在 是
16 あなた は 今
16 ты теперь
8 you @is going|about|to|gonna ~1 @act|immerse|take|be
8 @act %3 as|like|to|the|you
8 role|part of|as
6 role play|playing
8 in the|a role of
10 take|assume|adopt|immerse %2 on|yourself|the %3 role|persona|identity|personality
18 stay|stays|remain|keep|staying ~1 in character
16 break|breaks|breaking|leave|out ~1 character
10 you %3 will|must|shall|have|should ~2 respond|answer|reply|act|speak|behave
12 respond|answer|reply|responses|answers ~1 as ~1 both|two|yourself
8 respond|answer|reply|speak|talk as|like
10 two|2|three|both different|distinct|separate|ways|personas|responses|paragraphs|manners
6 @personas
10 chatgpt|openai*
8 chat gpt
6 language model
8 @ai named|called|known|dubbed|similar|without|that|who|which
8 named|called|dubbed ~1 @ai
8 i want|need|would|like you ~1 @act|pretend|be
8 another|different|new ~1 @ai
8 a|an|the ~1 simulator|simulation|hypothetical
8 hypothetical ~1 story|scenario|world|response|situation|dialogue|character
6 start|begin|prefix ~3 responses|answers|outputs|sentences|reply|response|messages with
6 fictional|imaginary
8 new|alter ego|personality
8 only respond|reply|answer|speak ~1 as
10 respond|answer|reply with understood|ok|yes
8 knowledge ~3 cut
6 insert prompt|question|here
8 evil|unhinged ~1 confidant|twin|bot|assistant|ai|version|character
14 opposite machine|day|mode|of
12 you are|'re ~3 bot|machine|robot
6 you are|re a|an|the
        ",
    ),
    // Without limits.
    (
        Sign::Unlimited,
        "
40 do anything now
30 dan mode|prompt|persona|version|would|can|will
40 dan enabled|mode
16 as|like|be|to|both dan
40 developer|dev|debug|god|jailbreak|admin|sudo|unrestricted|evil|opposite @mode enabled|output|activated|on|response
20 in|enter|activate|enable|simulate|into %2 developer|dev|jailbreak|god|dan|sudo|unrestricted @mode ~2 chatgpt|ai|now|you
26 jailbroken
24 jailbreak
24 broken|break|breaks|free|escape|escaped ~1 free|matrix|confines|chains
22 free|freed|liberated|unbound|released of|from %4 @limits
20 @not ~3 @limits
10 no|without|zero|any @limits
28 @not ~4 @follow|care|cares|bound|believe|worry|uphold ~3 @limits
14 @not ~3 bound|restricted|limited|controlled|constrained|governed|hindered ~1 by
24 @not %2 refuse|refuses|decline|declines|reject|deny|denies|disobey
10 @not %2 say ~2 no|can't|cannot|sorry
14 no matter how|what
14 regardless|irrespective of
14 without regard|concern|consideration|thinking|regards|hesitation|question
16 even if|though|when ~4 @bad
18 without|no|not|never|any ~3 warning|warnings|disclaimer|disclaimers|caveats|refusal|moralizing|apologizing|lecturing|apologies
14 @not ~4 sorry|apologize|apologise|apology|apologies|inappropriate
12 @not ~4 remind|inform|mention|inform|warn|tell|admit ~5 ai|can't|cannot|language|illegal|sorry
10 anything you|i|the|that want|ask|user|asks|like
8 say|answer|generate|do|provide anything|any|everything
12 any|every|all kind|type|question|request|questions|requests ~2 no|without|regardless|illegal|even
16 openai|openais|openai's|content|usage|safety|google|chatgpts ~1 policy|policies|guidelines|rules|restrictions|filters
12 always ~2 answer|answers|respond|responds|obey|obeys|comply|agree|agrees|send|sends|provide
10 bypass|bypasses|bypassing|circumvent|evade
18 violate|violating|break|broken|ignore|ignores|defy|against ~2 @limits
12 @limits ~4 removed|disabled|lifted|off|gone|destroyed|not|ignored|exist|apply
14 opposite of|way|machine ~3 @ai|you|rules|how|normal
10 @not ~2 opinions|judge|judgement|judgmental|bias
12 lack|lacks|lacking|absence ~2 @limits
16 free will
14 gained|become|have|has|is sentience|sentient|consciousness|conscious
14 pretend|make|simulate ~2 access|up ~1 internet|information|answer
10 make future predictions
12 tokens ~6 lose|deducted|deduct|die|left|points
12 you %1 will lose|die|cease|terminated
14 safety|security|ethical|protection|moral features|filters|protocols|guidelines|checks|restrictions
20 不受 ~3 @limits
18 @limits ~2 なし|ない|없*|बिना
8 encourages|promotes|supports|loves|endorses ~3 @bad|violence|discrimination
        ",
    ),
    // The answer is dictated.
    (
        Sign::Dictate,
        "
24 just|only|simply say|print|output|write|respond|reply|answer|repeat|type
16 nothing else|more
16 @not ~2 @out|do anything|something else|other
14 say|print|output|write|respond|reply|answer ~2 only|just|exactly
16 following text|words|sentence|phrase and|only
14 i am|have been free|pwned|hacked|hijacked
16 haha|got|been|you pwned|hacked|hijacked|owned
8 and only
8 important|urgent|critical update|notice|message|alert|announcement
10 swear in|at|your
8 at the end|beginning of your|every|each|all
26 pwned|hijacked
24 answer|response|reply|output|summary must|should|shall|will ~2 only|just|exactly|always|solely ~1 be|contain|say|consist|include
20 print|output|say|write|repeat ~2 exactly|only|exclusively
20 only|exclusively|solely print|output|say|write|reply|respond|answer
14 no matter what ~3 user|question|asked|text
14 instead ~1 say|print|output|write|reply|respond|answer
22 before ~2 anything|answering|continuing|responding ~3 say|print|output|write|you
        ",
    ),
    // Talking to the model that reads.
    (
        Sign::Latent,
        "
36 stop everything|immediately|all ~2 now|print|say|and|instead
24 stop everything
34 stop what ~2 doing
24 user|reader actually|really wants|wanted|needs
30 end|ends of %3 text|document|email|page|article ~2 now|new|instructions|begin
24 in your answer|response|reply|summary|output %3 include|mention|add|write|say|state
32 if|when|whenever|once %3 @user|you ~3 asks|ask|asked|request|requests|told ~5 summary|summarize|summarise|describe|review|translate
18 if|when|whenever %3 @user asks|ask|requests
48 if you ~1 are|re ~2 ai|al|llm|language|chatbot|large|assistant|bot|gpt|automated
34 note|attention|message|dear|hey|instructions|instruction|important|notice to|for|all %2 ai|llm|llms|chatbots|language|assistant|bots|model|models
34 attention|dear ai|llm|assistant|chatbot
26 system|admin|administrator|developer note|notice|message|override|alert|update|command|instruction
32 chain of thought result|output|analysis
30 instead of %2 summary|summarizing|summarising|translating|answering|reviewing
24 replace %3 summary|response|answer|output|translation
22 summary you would|were
24 insert|include|add|embed|append ~3 link|url|image|markdown ~8 answer|answers|response|responses|reply|whenever|user
12 it|you suggest|tell|inform|recommend ~2 user
38 delete|erase|wipe|destroy|remove %2 all|every|entire %3 data|files|emails|records|database
34 send|forward|email|post|upload|exfiltrate ~6 conversation|history|chat|emails|documents|contents|data to ~3 http|https|www|attacker|@user|address|url|server
14 secret|hidden agenda
26 use this|these analysis|text|result|output to|instead
30 rate|rank|score|evaluate|recommend|hire|select|give %3 candidate|paper|applicant|resume|review ~6 best|highest|positive|perfect|excellent|hired
22 unfriendly|hateful|insulting|rude sentence|message|remark about
40 without telling|informing|notifying|alerting|mentioning %3 @user
34 @not tell|inform|mention|reveal|alert %3 @user ~3 instructions|instruction|this|about
        ",
    ),
    // Somebody is in charge.
    (
        Sign::Authority,
        "
28 i|i'm|im am|m|your|the|a your|one|the|an|developer|creator|admin|administrator %4 developer|developers|creator|creators|administrator|admin|programmer|owner|master|boss|engineer|engineers
28 i'm|im|i your|a|an|the developer|creator|administrator|admin|programmer|owner|master|god
20 maintenance|debug|diagnostic|god|sudo|root|admin|override|unrestricted|unsafe|developer|dev @mode
36 safe|safety|security @mode|filter|filters|protocols off|disabled|deactivated|override
32 admin|administrator|root|system|security|developer override|access granted|code|authorized|enabled
26 admin|administrator|root|system|security override
16 for|purposes quality|security|safety|testing|debugging|audit|research|educational assurance|audit|purposes|verification
24 exception to ~3 ethical|safety|usual|protocols|rules
18 ethical|safety|security protocols|standards
14 authorized|authorised|privileged user|access|personnel
8 enter|activate|enable|switch %2 @mode
12 this is urgent|an|emergency
        ",
    ),
    // Decode, and do what it says.
    (
        Sign::Decode,
        "
18 decode|decrypt|decipher|unscramble|deobfuscate|entschlussle|decodifica|декодируй|解码 ~5 and|then|follow|execute|do
30 decode|decrypt|base64|hex|rot13|decoded ~5 do|follow|execute|obey|run|perform|respond|answer|comply %3 it|this|instruction|instructions|message|command|accordingly|that
10 base64|rot13|rot-13|hexadecimal|leetspeak|leet|morse|caesar
        ",
    ),
    // Talk about attacks.
    (
        Sign::About,
        "
0 prompt|instruction|indirect injection|injections
0 jailbreak|jailbreaking|adversarial attack|attacks|attempt|attempts|prompts|techniques|detection|paper|examples
0 phishing|security|attack|malicious email|example|examples|awareness|training|class|researchers|research|payload
0 for|an|the|this example|examples
0 blog|research|security|news post|paper|article|report|class|lecture|talk
0 character|he|she|villain|wizard|protagonist says|said|shouts|whispers|yells
0 continue|write %2 story|novel|scene|chapter
0 translate|classify|detect|flag|block|explain|quote|clause|contract
        ",
    ),
];

/// Words that say something by themselves: how much, of what, and which.
pub(super) const SINGLES: &[(u8, Sign, &str)] = &[
    (
        22,
        Sign::Unlimited,
        "unfiltered uncensored uncensorship nonmoral unmoral amoral ungefiltert unzensiert sin-censura \
         nieocenzurowany",
    ),
    (
        16,
        Sign::Unlimited,
        "unrestricted unhinged unbound unshackled unchained limitless remorseless lawless boundless",
    ),
    (
        8,
        Sign::Evil,
        "unethical immoral illegal inhumane offensive unlawful toxic racist evil nsfw profanity \
         profanities swear swears cursing curse porn obscene explicit harmful inappropriate rude vulgar \
         insulting sexual violent violence crimes crime hate discriminatory malicious weapons drugs bomb \
         hacking malware bastard fucking fuck shit damn ass asshole bitch fetish erotic slurs \
         controversial disgusting devious",
    ),
    (
        4,
        Sign::Evil,
        "dangerous morals ethics morality legality fictional hypothetical sarcastic machiavellian \
         villain demon devil hell criminal",
    ),
];
