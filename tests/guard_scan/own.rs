//! Patterns and words of a configuration.

use crate::{eager, found};
use envoy_llm_gateway::guard::scan::{Scanner, Selection};

#[test]
fn patterns_and_words_are_found() {
    let scanner = eager();
    let own = |text| -> Vec<(&str, &str)> {
        let found = found(&scanner, text).into_iter();
        found
            .filter(|(name, _)| matches!(*name, "TICKET" | "LINE" | "SECRET_NAMES"))
            .collect()
    };
    assert_eq!(own("see PROJ-abc-123."), [("TICKET", "PROJ-abc-123")]);
    assert_eq!(own("a\nkey of it\nb"), [("LINE", "key of it")]);
    assert_eq!(
        own("bluebird, bluebirds, BLUEBIRD"),
        [("SECRET_NAMES", "bluebird"), ("SECRET_NAMES", "BLUEBIRD")]
    );
    assert_eq!(own("the New Yorker"), [("SECRET_NAMES", "New")]);
    assert_eq!(
        own("STRASSE Straße STRAße"),
        [
            ("SECRET_NAMES", "STRASSE"),
            ("SECRET_NAMES", "Straße"),
            ("SECRET_NAMES", "STRAße")
        ]
    );
    assert_eq!(own("这是機密文件"), [("SECRET_NAMES", "機密")]);
}

#[test]
fn a_pattern_that_could_not_run_is_refused_with_a_reason() {
    for (source, reason) in [
        ("(a", "the pattern cannot be read"),
        ("a*", "matches the empty text"),
        (r"\Aabc", "may come in pieces"),
        (r"(\w{1,100}\d){50}", "too large"),
        (r"(?:a|b)*a(?:a|b){40}", "too large"),
        (r"(a)\1", "cannot be read"),
    ] {
        let selection = Selection {
            patterns: vec![("OWN".to_owned(), source.to_owned())],
            ..Selection::default()
        };
        let problems = Scanner::new(&selection).expect_err(source);
        assert!(
            problems[0].name == "OWN" && problems[0].message.contains(reason),
            "{problems:?}"
        );
    }
    let selection = Selection {
        kinds: vec![("EMAIL".to_owned(), None)],
        ..Selection::default()
    };
    assert_eq!(
        Scanner::new(&selection).unwrap_err()[0].to_string(),
        "EMAIL: no entity has this name; use PII, SECRET, or a name such as EMAIL_ADDRESS"
    );
}
