//! A conversation on its way to OpenAI itself: reasoning items that this gateway has written for other
//! providers are left out; OpenAI would refuse the whole request for them.

use crate::{
    api::thought::is_sealed,
    json::{Object, Raw},
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    encrypted_content: Option<&'a RawValue>,
}

/// The `input` of `body` without such items, as JSON text. `None`: there are none.
pub fn without_sealed(body: &Object<'_>) -> Option<String> {
    let text = body.raw("input").map(Raw::get)?;
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let sealed = |item: &&RawValue| {
        let item = serde_json::from_str::<Item<'_>>(item.get());
        let text = item.ok().and_then(|item| item.encrypted_content);
        text.is_some_and(|text| is_sealed(text.get().trim_start_matches('"')))
    };
    let all = items.len();
    let kept: Vec<&str> = items
        .iter()
        .filter(|item| !sealed(item))
        .map(|item| item.get())
        .collect();
    (kept.len() < all).then(|| format!("[{}]", kept.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_of_other_providers_goes_and_openai_s_own_stays() {
        let own = |input: &str| {
            without_sealed(&Object::parse(&format!(r#"{{"input":{input}}}"#)).unwrap())
        };
        let theirs = r#"{"type":"reasoning","id":"rs_1","encrypted_content":"gAAAA","summary":[]}"#;
        let ours =
            r#"{"type":"reasoning","id":"rs_2","encrypted_content":"gw1:W10=","summary":[]}"#;
        assert_eq!(
            own(&format!("[{theirs},{ours},1.10]")),
            Some(format!("[{theirs},1.10]"))
        );
        assert_eq!(own(&format!("[{theirs}]")), None);
        assert_eq!(own(r#""gw1:""#), None);
    }
}
