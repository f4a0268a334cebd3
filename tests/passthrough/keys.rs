//! What a key may ask for.

use crate::{FORM, JSON, ask_of, form, settings};
use serde_json::{Value, json};

/// SHA-256 of `key-of-support`.
const SUPPORT: &str = "6c1d08605eebfcd189e3418495e40f805691fea957334c09ede6cc3683b1464b";

#[test]
fn a_key_with_models_may_use_these_and_nothing_without_one_unless_it_is_allowed() {
    let with = |more: Value| {
        let mut settings = settings();
        let mut key = json!({"id": "k", "sha256": SUPPORT});
        key.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings["keys"] = json!([key]);
        settings
    };
    let limited = with(json!({"models": ["whisper-1"]}));
    let form_of = |model: &str| form(&[("model", model), ("file", "x")]);
    let may = form_of("whisper-1");
    let asked = ask_of(
        &limited,
        "POST /v1/audio/transcriptions",
        &[FORM],
        &[may.as_bytes()],
    );
    assert_eq!(asked.steps().len(), 1);
    let may_not = form_of("whisper-large");
    let asked = ask_of(
        &limited,
        "POST /v1/audio/transcriptions",
        &[FORM],
        &[may_not.as_bytes()],
    );
    assert_eq!(
        asked.error(),
        (403, "model_not_allowed".into(), Some("model".into()))
    );
    let moderation = br#"{"input":"x"}"#;
    for (settings, allowed) in [
        (&limited, false),
        (
            &with(json!({"models": ["whisper-1"], "passthrough": true})),
            true,
        ),
        (&with(json!({})), true),
        (&with(json!({"passthrough": false})), false),
    ] {
        for (line, headers, chunks) in [
            ("GET /v1/files", &[][..], &[][..]),
            ("POST /v1/batches", &[JSON][..], &[&b"{}"[..]][..]),
            ("POST /v1/moderations", &[JSON][..], &[&moderation[..]][..]),
        ] {
            let asked = ask_of(settings, line, headers, chunks);
            if allowed {
                assert_eq!(asked.steps().len(), 1, "{line}");
            } else {
                assert_eq!(
                    asked.error(),
                    (403, "path_not_allowed".into(), None),
                    "{line}"
                );
            }
        }
    }
}
