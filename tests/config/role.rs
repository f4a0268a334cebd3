//! What is neither role.

use crate::problems;
use serde_json::json;

#[test]
fn a_wrong_role_or_dialect_is_one_problem() {
    for (value, want) in [
        (
            json!({"models": {}, "dialect": "x"}),
            "$.role: missing; allowed: gateway, provider",
        ),
        (
            json!({"role": "router", "volume": 1}),
            r#"$.role: unknown value "router"; allowed: gateway, provider"#,
        ),
        (
            json!({"role": 1}),
            "$.role: expected a string, found 1; put it in quotes",
        ),
        (json!([1]), "$: expected an object, found a list"),
        (
            json!({"role": "provider", "volume": 1}),
            "$.dialect: missing",
        ),
        (
            json!({"role": "provider", "dialect": "parot", "volume": 1}),
            r#"$.dialect: unknown value "parot"; allowed: parrot, raven"#,
        ),
    ] {
        assert_eq!(problems(&value), [want]);
    }
}
