//! A conversation on its way to Anthropic itself: reasoning of other providers, which this gateway has
//! sealed into blocks of this API, is left out; Anthropic would refuse the whole request for it.

use crate::{
    api::thought::is_sealed,
    json::{Object, Raw, Str},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A conversation without what is not Anthropic's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The list of messages as JSON text.
    pub messages: String,
    /// The model's last turn called tools and has lost the reasoning before it: Anthropic refuses a
    /// thinking budget for such a conversation.
    pub lost: bool,
}

#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow, default)]
    role: Option<Str<'a>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    signature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// The conversation of `body` without sealed blocks. `None`: there are none, or it cannot be read,
/// which the provider says better.
pub fn without_sealed(body: &Object<'_>) -> Option<Own> {
    let text = body.raw("messages").map(Raw::get)?;
    let turns: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let (mut out, mut lost, mut changed) = (Vec::with_capacity(turns.len()), false, false);
    for raw in turns {
        let turn: Turn<'_> = serde_json::from_str(raw.get()).ok()?;
        let assistant = turn.role.as_deref() == Some("assistant");
        let blocks: Option<Vec<&RawValue>> = turn
            .content
            .and_then(|c| serde_json::from_str(c.get()).ok());
        let (true, Some(blocks)) = (assistant, blocks) else {
            lost &= !assistant;
            out.push(raw.get().to_owned());
            continue;
        };
        let all = blocks.len();
        let kept: Vec<&str> = blocks
            .iter()
            .filter(|block| !sealed(block))
            .map(|block| block.get())
            .collect();
        lost = kept.len() < all && kept.iter().any(|block| is(block, "tool_use"));
        if kept.len() == all {
            out.push(raw.get().to_owned());
            continue;
        }
        changed = true;
        // Nothing is left of a turn that only thought; its neighbours become one.
        if !kept.is_empty() {
            let mut object = Object::parse(raw.get()).ok()?;
            let content = format!("[{}]", kept.join(","));
            let content: &RawValue = serde_json::from_str(&content).ok()?;
            object.set("content", content).ok()?;
            out.push(String::from_utf8(object.to_vec()).ok()?);
        }
    }
    changed.then(|| Own {
        messages: format!("[{}]", out.join(",")),
        lost,
    })
}

fn sealed(block: &RawValue) -> bool {
    let Ok(block) = serde_json::from_str::<Block<'_>>(block.get()) else {
        return false;
    };
    let text = match block.r#type.as_deref() {
        Some("thinking") => block.signature,
        Some("redacted_thinking") => block.data,
        _ => None,
    };
    text.is_some_and(|text| is_sealed(text.get().trim_start_matches('"')))
}

fn is(block: &str, kind: &str) -> bool {
    serde_json::from_str::<Block<'_>>(block).is_ok_and(|b| b.r#type.as_deref() == Some(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(messages: &str) -> Option<Own> {
        without_sealed(&Object::parse(&format!(r#"{{"messages":{messages}}}"#)).unwrap())
    }

    #[test]
    fn sealed_blocks_go_and_everything_else_keeps_its_bytes() {
        let turns = r#"[{"role":"user","content":"q"},{"role":"assistant","x":1.10,"content":[{"type":"thinking","thinking":"t","signature":"gw1:W10="},{"type":"thinking","thinking":"t","signature":"c2ln"},{"type":"text","text":"gw1:"},{"type":"redacted_thinking","data":"gw1:e30="}]}]"#;
        assert_eq!(
            own(turns),
            Some(Own {
                messages: r#"[{"role":"user","content":"q"},{"role":"assistant","x":1.10,"content":[{"type":"thinking","thinking":"t","signature":"c2ln"},{"type":"text","text":"gw1:"}]}]"#.into(),
                lost: false
            })
        );
        assert_eq!(own(r#"[{"role":"user","content":"gw1:"}]"#), None);
        assert_eq!(own("7"), None);
    }

    #[test]
    fn a_turn_that_only_thought_goes_and_one_with_calls_has_lost_its_thoughts() {
        let thought = r#"{"type":"thinking","thinking":"t","signature":"gw1:W10="}"#;
        let turns = format!(r#"[{{"role":"assistant","content":[{thought}]}}]"#);
        assert_eq!(own(&turns).unwrap().messages, "[]");
        let call = r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#;
        let turns = format!(r#"[{{"role":"assistant","content":[{thought},{call}]}}]"#);
        assert!(own(&turns).unwrap().lost);
        let last = r#"{"role":"assistant","content":"done"}"#;
        let turns = format!(
            r#"[{{"role":"assistant","content":[{thought},{call}]}},{{"role":"user","content":"x"}},{last}]"#
        );
        assert!(!own(&turns).unwrap().lost, "the last turn calls nothing");
    }
}
