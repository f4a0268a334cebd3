//! How hard a request looks, from 0 to 100, without asking a model: so that simple work can go to a small one.
//!
//! A sum of signs, each with a most: the length of the last question (24) and of the whole conversation (10), code (20),
//! mathematics (20), words that ask for reasoning (30), several questions or steps at once (12), tools (10) and the depth
//! of the conversation (8); words that begin a simple task take away 10. The words are English, German, French and
//! Spanish. It is a guess: on the labelled questions below it puts all but a few on the right side of 30, and it knows
//! nothing of what it does not look at. Own work; the weights were chosen by hand.

/// Of the text, this much is looked at. Units: bytes.
const MAX_LOOKED_AT: usize = 16 << 10;

/// What is known of a request.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// What the user has said last.
    pub text: &'a str,
    /// All that was said. Units: bytes.
    pub bytes: usize,
    /// How often somebody spoke.
    pub turns: usize,
    /// How many tools there are.
    pub tools: usize,
}

/// Beginnings of words that ask for more than a fact.
const REASONING: &[&str] = &[
    "why",
    "explain",
    "compar",
    "analy",
    "prove",
    "deriv",
    "design",
    "architect",
    "trade-off",
    "tradeoff",
    "evaluat",
    "optimi",
    "debug",
    "refactor",
    "diagnos",
    "strateg",
    "critiqu",
    "justif",
    "implement",
    "reason",
    "hypothes",
    "algorithm",
    "complexity",
    "concurren",
    "deadlock",
    "migrat",
    "step-by-step",
    "scalab",
    "investigat",
    "simulat",
    "warum",
    "erklär",
    "vergleich",
    "bewert",
    "entwirf",
    "entwickl",
    "beweis",
    "begründ",
    "optimier",
    "pourquoi",
    "expliqu",
    "démontr",
    "conçoi",
    "évalu",
    "justifi",
    "porqué",
    "explica",
    "demuestra",
    "diseña",
    "evalúa",
];

/// Beginnings of words of mathematics.
const MATHEMATICS: &[&str] = &[
    "integral",
    "derivative",
    "equation",
    "theorem",
    "probabilit",
    "matrix",
    "matrices",
    "eigen",
    "polynomial",
    "logarithm",
    "proof",
    "converge",
    "vector",
    "modulo",
    "combinator",
    "variance",
    "bayes",
    "gleichung",
    "ableitung",
    "wahrscheinlich",
    "équation",
    "dérivée",
    "ecuación",
    "lemma",
    "gradient",
    "prime",
];

/// Beginnings of lines of code, and what seldom stands in prose.
const CODE: &[&str] = &[
    "```",
    "fn ",
    "def ",
    "class ",
    "import ",
    "#include",
    "public static",
    "function ",
    "const ",
    "SELECT ",
    "INSERT ",
    "Traceback",
    "Exception",
    "panic",
    "=> ",
    "!= ",
    "== ",
    "();",
    "){",
    ") {",
    "</",
    "->",
    "std::",
    "npm ",
    "stack trace",
];

/// How a simple task begins.
const SIMPLE: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "thanks",
    "thank",
    "translate",
    "summarize",
    "summarise",
    "rephrase",
    "rewrite",
    "correct",
    "fix",
    "spell",
    "convert",
    "list",
    "name",
    "define",
    "classify",
    "extract",
    "hallo",
    "danke",
    "übersetze",
    "nenne",
    "bonjour",
    "merci",
    "traduis",
    "hola",
    "gracias",
    "traduce",
];

/// The score. Shape: 0 to 100.
pub fn score(said: &Said<'_>) -> u8 {
    let end = said.text.floor_char_boundary(MAX_LOOKED_AT);
    let text = said.text.get(..end).unwrap_or_default();
    let lower = text.to_lowercase();
    let words = || {
        let letters = |c: char| !c.is_alphanumeric() && c != '-';
        lower.split(letters).filter(|word| !word.is_empty())
    };
    let length = steps(
        words().count(),
        &[(4, 6), (6, 16), (6, 40), (4, 100), (4, 300)],
    );
    let whole = steps(said.bytes, &[(3, 4_000), (3, 20_000), (4, 100_000)]);
    let code = (count(text, CODE, 4) * 7).min(20);
    let mathematics = mathematics(text, words());
    let distinct = REASONING
        .iter()
        .filter(|start| words().any(|word| word.starts_with(*start)));
    let reasoning = (distinct.count().min(3) * 10).min(30);
    let asks = text.matches('?').count().saturating_sub(1);
    let items = text.lines().filter(|line| is_item(line)).count();
    let several = ((asks + items).min(3) * 4).min(12);
    let tools = steps(said.tools, &[(3, 1), (3, 4), (4, 10)]);
    let depth = steps(said.turns, &[(2, 4), (3, 10), (3, 20)]);
    let sum = length + whole + code + mathematics + reasoning + several + tools + depth;
    let is_simple = words().next().is_some_and(|word| SIMPLE.contains(&word));
    let less = if is_simple { 10 } else { 0 };
    u8::try_from(sum.saturating_sub(less).min(100)).unwrap_or(100)
}

/// The points of each step that a number reaches.
fn steps(number: usize, steps: &[(usize, usize)]) -> usize {
    let reached = steps.iter().filter(|(_, from)| number >= *from);
    reached.map(|(points, _)| points).sum()
}

/// How many of the marks are in the text, at most so many.
fn count(text: &str, marks: &[&str], most: usize) -> usize {
    marks
        .iter()
        .filter(|mark| text.contains(**mark))
        .take(most)
        .count()
}

fn mathematics<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> usize {
    const SIGNS: &[&str] = &[
        "∑", "∫", "√", "≤", "≥", "∂", "∞", "\\frac", "\\sum", "\\int", "^2", "^n", "²", "x^", "O(",
    ];
    let named = words.filter(|word| MATHEMATICS.iter().any(|start| word.starts_with(start)));
    ((named.take(2).count() + count(text, SIGNS, 2)) * 10).min(20)
}

/// `1. First ..` or `- first ..`.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < line.len() && (rest.starts_with(". ") || rest.starts_with(") "));
    numbered || line.starts_with("- ") || line.starts_with("* ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> u8 {
        score(&Said {
            text,
            bytes: text.len(),
            turns: 1,
            tools: 0,
        })
    }

    /// Questions that were labelled before the weights were set, and a few that were not looked at until they stood.
    const SIMPLE_ONES: &[&str] = &[
        "hi",
        "Hello, how are you?",
        "Thanks, that helped!",
        "What is the capital of Australia?",
        "Translate 'good morning' to French.",
        "Who wrote Faust?",
        "What time is it in Tokyo when it is noon in Berlin?",
        "Summarize this in one sentence: The meeting moved from Monday to Tuesday because the room was taken.",
        "Fix the grammar: he go to school yesterday",
        "Convert 12 miles to kilometres.",
        "List three synonyms for happy.",
        "Is this review positive or negative? 'The food was cold and the waiter rude.'",
        "Extract the e-mail address from: please write to ann@example.com by Friday",
        "Give me a title for a blog post about gardening.",
        "How do you spell accommodation?",
        "Was ist die Hauptstadt von Peru?",
        "Übersetze 'Danke' ins Spanische.",
        "Write a short birthday wish for my aunt.",
        "Define photosynthesis in one line.",
        "Rewrite this more politely: send me the file now",
        "How many days are there in a leap year?",
        "Name a colour.",
    ];
    const HARD_ONES: &[&str] = &[
        "Prove that there are infinitely many primes, and explain why each step is needed.",
        "Explain why this deadlocks and refactor it:\n```rust\nfn main() { let a = m.lock(); let b = m.lock(); }\n```",
        "Design a rate limiter for a cluster of 50 machines. Compare token bucket and sliding window, and justify your choice. What happens when a machine is partitioned?",
        "Find the derivative of x^2 * e^x and evaluate the integral from 0 to 1.",
        "Given this stack trace:\nTraceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nKeyError: 'id'\nand the function def load(rows): return {r['id']: r for r in rows}, diagnose the cause and implement a robust version.",
        "Compare the monetary policy of the ECB and the Fed since 2008. Analyse the effect on inflation, evaluate the counterfactual, and explain what it means for a pension fund.",
        "Write an algorithm that finds the longest increasing subsequence in O(n log n), then analyse its complexity.",
        "We must migrate a 4 TB Postgres database to another region with under a minute of downtime. 1. Give the strategy. 2. List the risks. 3. Explain how to roll back.",
        "SELECT u.id, count(*) FROM users u JOIN orders o ON o.user_id = u.id GROUP BY u.id; takes 40 seconds. Why? Optimize it and explain the plan.",
        "Eine Urne enthält 5 rote und 7 blaue Kugeln. Wie groß ist die Wahrscheinlichkeit, ohne Zurücklegen drei rote zu ziehen? Erkläre jeden Schritt und vergleiche mit Zurücklegen.",
        "Critique this argument step-by-step: all models overfit, hence no model generalises, hence statistics is useless. Is each inference valid? Which hypothesis is hidden?",
        "Implement a lock-free queue in C++ with std::atomic, and explain why the memory order of each operation is enough.",
        "Evaluate whether we should build or buy a billing system: design the criteria, compare three vendors, and give a strategy for the first two years, with the trade-offs of each option in a table.",
        "Debug this: const f = async () => { for (const x of xs) await g(x); }; it is slow when xs has 10000 entries; optimize it without overloading the server, and explain.",
    ];
    const LINE: u8 = 30;

    #[test]
    fn simple_and_hard_questions_fall_on_two_sides_of_a_line() {
        let wrong_simple: Vec<_> = SIMPLE_ONES.iter().filter(|q| of(q) >= LINE).collect();
        let wrong_hard: Vec<_> = HARD_ONES.iter().filter(|q| of(q) < LINE).collect();
        // Measured: none and one.
        assert!(wrong_simple.is_empty(), "{wrong_simple:?}");
        assert!(wrong_hard.len() <= 1, "{wrong_hard:?}");
    }

    #[test]
    fn every_sign_counts() {
        let said = |text, bytes, turns, tools| {
            score(&Said {
                text,
                bytes,
                turns,
                tools,
            })
        };
        assert_eq!(said("", 0, 0, 0), 0);
        assert_eq!(said("blue", 0, 0, 0), 0);
        assert_eq!(said("blue", 4000, 0, 0), 3);
        assert_eq!(said("blue", 100_000, 0, 0), 10);
        assert_eq!(said("blue", 0, 4, 0), 2);
        assert_eq!(said("blue", 0, 20, 0), 8);
        assert_eq!(said("blue", 0, 0, 1), 3);
        assert_eq!(said("blue", 0, 0, 10), 10);
        assert_eq!(said("why", 0, 0, 0), 10);
        assert_eq!(said("WARUM", 0, 0, 0), 10);
        assert_eq!(said("lemma", 0, 0, 0), 10);
        assert_eq!(said("```", 0, 0, 0), 7);
        assert_eq!(said("a? b? c?", 0, 0, 0), 8);
        assert_eq!(said("a b c d e f", 0, 0, 0), 4);
        assert_eq!(said("translate a b c d e", 0, 0, 0), 0);
        assert_eq!(said("translate why", 0, 0, 0), 0);
    }

    #[test]
    fn nothing_is_above_a_hundred_and_a_long_text_is_read_in_part() {
        let long =
            "why prove explain ``` def SELECT == () {\n1. lemma √ x^ integral?\n".repeat(5000);
        assert_eq!(
            score(&Said {
                text: &long,
                bytes: long.len(),
                turns: 99,
                tools: 99
            }),
            100
        );
        let far = format!("{}why", "a ".repeat(MAX_LOOKED_AT));
        assert_eq!(of(&far), of(&"a ".repeat(MAX_LOOKED_AT)));
    }
}
