//! Applies a table's fates to a request, as edits of its bytes.

use super::{
    difference::{Difference, Fate},
    splice::Splice,
};
use crate::{
    fault::{Fault, FaultKind},
    json::{Object, Str},
    provider::params::{Rule, refused},
};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
}

/// Edits what the table names; lists what is left out.
///
/// Errors: `Unsupported` that names the parameter.
pub(super) fn apply(
    table: &Difference,
    model: &str,
    body: &Object<'_>,
    splice: &mut Splice<'_, '_>,
    dropped: &mut Vec<String>,
) -> Result<(), Fault> {
    for (key, fate) in table.parameters {
        if let Some(raw) = body.raw(key) {
            one(
                key,
                *fate,
                &compact(raw.get()),
                model,
                body,
                splice,
                dropped,
            )?;
        }
    }
    Ok(())
}

fn one(
    key: &'static str,
    fate: Fate,
    said: &str,
    model: &str,
    body: &Object<'_>,
    splice: &mut Splice<'_, '_>,
    dropped: &mut Vec<String>,
) -> Result<(), Fault> {
    let nothing = said == "null";
    let mut lose = |listed: bool, splice: &mut Splice<'_, '_>| {
        splice.remove(key);
        if listed {
            dropped.push(key.to_owned());
        }
    };
    match fate {
        Fate::Rule(Rule::Keep) => {}
        Fate::Rule(Rule::Rename(_)) if nothing => lose(false, splice),
        Fate::Rule(Rule::Rename(name)) => {
            if body.raw(name).is_some() {
                splice.remove(name);
            }
            splice.rename(key, name);
        }
        Fate::Rule(Rule::Drop) => lose(!nothing, splice),
        Fate::Rule(Rule::Handled) => lose(false, splice),
        Fate::Rule(Rule::Refuse) => {
            if !matches!(said, "null" | "false" | "0" | "[]" | "{}") {
                return Err(refused(key));
            }
            lose(false, splice);
        }
        Fate::Lost(defaults) => lose(!nothing && !defaults.contains(&said), splice),
        Fate::Unsaid(values) => {
            if !nothing && !values.contains(&said) {
                return Err(refused(key));
            }
            lose(false, splice);
        }
        Fate::Only(values) => {
            if !nothing && !values.contains(&said) {
                return Err(no_such_value(key, values));
            }
        }
        Fate::Taken(values) => {
            if !nothing && !values.contains(&said) {
                lose(true, splice);
            }
        }
        Fate::Words(words) => {
            if let Some((_, word)) = words.iter().find(|(from, _)| *from == said) {
                splice.set(key, *word);
            }
        }
        Fate::Types(types) => {
            let kind = body.read::<Typed<'_>>(key).ok().flatten();
            let kind = kind.and_then(|typed| typed.r#type);
            if let Some(kind) = kind.filter(|kind| !types.contains(&&**kind)) {
                let kind = kind.chars().take(64).collect::<String>();
                let message = format!(
                    "`{key}` of type \"{kind}\" is not supported by this model's provider; it takes {}.",
                    types.join(", ")
                );
                return Err(Fault::new(FaultKind::Unsupported, message).at(key));
            }
        }
        Fate::List => {
            if said.starts_with('"') {
                splice.set(key, format!("[{said}]"));
            }
        }
        Fate::Instead(_) if nothing => lose(false, splice),
        Fate::Instead(other) => {
            if body.raw(other).is_some() {
                splice.remove(other);
            }
        }
        Fate::Where(concerns, fate) => {
            if concerns(model) {
                return one(key, *fate, said, model, body, splice, dropped);
            }
        }
    }
    Ok(())
}

/// A short list or object without its white space, for comparing.
fn compact(said: &str) -> Cow<'_, str> {
    const SHORT: usize = 64;
    if said.len() > SHORT || !said.starts_with(['[', '{']) {
        return Cow::Borrowed(said);
    }
    let words: Vec<_> = said.split_ascii_whitespace().collect();
    Cow::Owned(words.concat())
}

fn no_such_value(key: &str, values: &[&str]) -> Fault {
    let message = format!(
        "This value of `{key}` is not supported by this model's provider; it takes {}.",
        values.join(", ")
    );
    Fault::new(FaultKind::Unsupported, message).at(key)
}

#[cfg(test)]
mod tests {
    use super::super::difference::{DROP, HANDLED, REFUSE, renamed};
    use super::*;

    const TABLE: Difference = Difference {
        parameters: &[
            ("seed", renamed("random_seed")),
            ("max_completion_tokens", renamed("max_tokens")),
            ("user", DROP),
            ("stream_options", HANDLED),
            ("logprobs", REFUSE),
            ("store", Fate::Lost(&["false"])),
            ("n", Fate::Only(&["1"])),
            ("modalities", Fate::Unsaid(&["[\"text\"]"])),
            ("service_tier", Fate::Taken(&["\"auto\"", "\"flex\""])),
            (
                "reasoning_effort",
                Fate::Words(&[("\"minimal\"", "\"low\"")]),
            ),
            ("response_format", Fate::Types(&["text", "json_object"])),
            ("stop", Fate::List),
            (
                "presence_penalty",
                Fate::Where(|model| model == "thinker", &DROP),
            ),
        ],
        ..Difference::NONE
    };

    fn sent(fields: &str, model: &str) -> Result<(String, String), String> {
        let text = format!(r#"{{"model":"m",{fields}}}"#);
        let body = Object::parse(&text).unwrap();
        let (mut splice, mut dropped) = (Splice::of(&body), Vec::new());
        apply(&TABLE, model, &body, &mut splice, &mut dropped).map_err(|f| f.param.unwrap())?;
        let sent = String::from_utf8(splice.finish().apply(text.as_bytes())).unwrap();
        let sent = sent.replace(r#"{"model":"m""#, "").replace('}', "");
        Ok((sent, dropped.join(",")))
    }

    #[test]
    fn each_fate_does_what_it_says() {
        let cases = [
            (r#""seed":7"#, r#","random_seed":7"#, ""),
            (r#""seed":null"#, "", ""),
            (
                r#""max_tokens":5,"max_completion_tokens":9"#,
                r#","max_tokens":9"#,
                "",
            ),
            (
                r#""max_tokens":5,"max_completion_tokens":null"#,
                r#","max_tokens":5"#,
                "",
            ),
            (r#""user":"u""#, "", "user"),
            (r#""stream_options":1"#, "", ""),
            (r#""logprobs":false"#, "", ""),
            (r#""store":false"#, "", ""),
            (r#""store":true"#, "", "store"),
            (r#""n":1"#, r#","n":1"#, ""),
            (r#""modalities":[ "text" ]"#, "", ""),
            (r#""service_tier":"flex""#, r#","service_tier":"flex""#, ""),
            (r#""service_tier":"scale""#, "", "service_tier"),
            (
                r#""reasoning_effort":"minimal""#,
                r#","reasoning_effort":"low""#,
                "",
            ),
            (
                r#""reasoning_effort":"high""#,
                r#","reasoning_effort":"high""#,
                "",
            ),
            (r#""stop":"x""#, r#","stop":["x"]"#, ""),
            (r#""stop":["x"]"#, r#","stop":["x"]"#, ""),
            (r#""presence_penalty":1"#, r#","presence_penalty":1"#, ""),
        ];
        for (fields, want, lost) in cases {
            assert_eq!(
                sent(fields, "m"),
                Ok((want.into(), lost.into())),
                "{fields}"
            );
        }
        assert_eq!(
            sent(r#""presence_penalty":1"#, "thinker"),
            Ok((String::new(), "presence_penalty".into()))
        );
    }

    #[test]
    fn what_would_be_missed_is_refused() {
        for (fields, param) in [
            (r#""logprobs":true"#, "logprobs"),
            (r#""n":2"#, "n"),
            (r#""modalities":["text","audio"]"#, "modalities"),
            (
                r#""response_format":{"type":"json_schema"}"#,
                "response_format",
            ),
        ] {
            assert_eq!(sent(fields, "m"), Err(param.to_owned()), "{fields}");
        }
        assert!(sent(r#""response_format":{"type":"text"}"#, "m").is_ok());
        assert!(
            sent(r#""response_format":"odd""#, "m").is_ok(),
            "the host says so better"
        );
    }
}
