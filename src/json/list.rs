//! A list, one element at a time.

use serde::{
    Deserializer as _,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// Shows each element of a list. They are not gathered: of a list of numbers, the places of all of them
/// would be many times as large as the text. Anything but a list has none; of one that breaks off, what is
/// before is shown.
pub fn each<'a>(list: Option<&'a RawValue>, show: impl FnMut(&'a RawValue)) {
    if let Some(raw) = list {
        let _ = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(Each(show));
    }
}

struct Each<F>(F);

impl<'a, F: FnMut(&'a RawValue)> Visitor<'a> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(raw) = list.next_element()? {
            (self.0)(raw);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_is_shown_in_order() {
        let of = |text: &str| {
            let mut seen = Vec::new();
            each(serde_json::from_str(text).ok(), |raw| {
                seen.push(raw.get().to_owned());
            });
            seen
        };
        assert_eq!(
            of(r#" [1.10, "a",[] ,{"b":2} ]"#),
            ["1.10", "\"a\"", "[]", r#"{"b":2}"#]
        );
        for none in ["[]", "null", "7", r#""[1]""#, "{}"] {
            assert!(of(none).is_empty(), "{none}");
        }
    }
}
