//! The arguments of a call that comes back with the conversation: a JSON object, inside a string.

use super::message::Call;
use crate::{
    fault::{Fault, FaultKind},
    json::Quoted,
};
use serde_json::value::RawValue;

/// A call's arguments as an object; its numbers keep their digits. Nothing said is an empty object.
///
/// Errors: `BadRequest` that names the call's `id` and the `place` of its arguments.
pub fn object(call: &Call<'_>, id: &str, place: &str) -> Result<Box<RawValue>, Fault> {
    let text = call.arguments.map(Quoted::text).unwrap_or_default();
    let text = if text.trim().is_empty() {
        "{}".to_owned()
    } else {
        text.into_owned()
    };
    RawValue::from_string(text)
        .ok()
        .filter(|raw| raw.get().starts_with('{'))
        .ok_or_else(|| no_object(id, place))
}

/// The arguments of this call are something else.
pub fn no_object(id: &str, place: &str) -> Fault {
    let message = format!(
        "`{place}` of call {id:?} must be a string that holds a JSON object, e.g. \"{{}}\"."
    );
    Fault::new(FaultKind::BadRequest, message).at(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_an_object_with_every_digit_kept() {
        let read = |text: &str| {
            let call = Call {
                id: None,
                name: Quoted::of(serde_json::from_str(r#""f""#).unwrap()).unwrap(),
                arguments: Quoted::of(serde_json::from_str(text).unwrap()),
            };
            object(&call, "c", "p").map(|raw| raw.get().to_owned()).ok()
        };
        assert_eq!(
            read(r#"" {\"a\":1e400,\"b\":9007199254740993} ""#).as_deref(),
            Some(r#"{"a":1e400,"b":9007199254740993}"#)
        );
        for empty in [r#""""#, r#"" \n""#] {
            assert_eq!(read(empty).as_deref(), Some("{}"), "{empty}");
        }
        for bad in [r#""[]""#, r#""null""#, r#""{""#, r#""{} {}""#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
