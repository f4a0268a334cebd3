//! A string of a body, kept as it stands: quotes, escapes and all.

use super::Str;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A JSON string that is only looked at, and written again byte for byte.
///
/// Prompts are long and nobody here needs their meaning: taking the escapes out and putting them
/// back would be most of the work of a translation.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(&'a RawValue);

impl<'a> Quoted<'a> {
    /// The value, when it is a string.
    pub fn of(raw: &'a RawValue) -> Option<Self> {
        raw.get().starts_with('"').then_some(Self(raw))
    }

    /// What stands between the quotes, escapes included.
    pub fn inner(self) -> &'a str {
        let text = self.0.get();
        text.strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(text)
    }

    /// The text that is meant; borrowed when nothing is escaped.
    pub fn text(self) -> Cow<'a, str> {
        let inner = self.inner();
        if !inner.contains('\\') {
            return Cow::Borrowed(inner);
        }
        serde_json::from_str::<Str<'a>>(self.0.get()).map_or(Cow::Borrowed(inner), Str::into_cow)
    }

    /// Whether it is `""`.
    pub fn is_empty(self) -> bool {
        self.inner().is_empty()
    }

    /// Whether there is nothing but white space in it.
    pub fn is_blank(self) -> bool {
        let start = self.inner().trim_start();
        if !start.starts_with('\\') {
            return start.is_empty();
        }
        self.text().trim().is_empty()
    }
}

impl Serialize for Quoted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl PartialEq<str> for Quoted<'_> {
    fn eq(&self, other: &str) -> bool {
        self.text() == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> Quoted<'_> {
        Quoted::of(serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_string_keeps_its_bytes_and_gives_its_meaning() {
        let text = quoted(r#""a\/b \u00e9\n""#);
        assert_eq!(text.text(), "a/b \u{e9}\n");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""a\/b \u00e9\n""#);
        assert!(matches!(
            quoted(r#""plain""#).text(),
            Cow::Borrowed("plain")
        ));
        assert!(Quoted::of(serde_json::from_str("[1]").unwrap()).is_none());
    }

    #[test]
    fn only_white_space_is_blank_escaped_or_not() {
        for blank in [r#""""#, r#""  ""#, r#""\n\t ""#, r#"" \u00a0""#] {
            assert!(quoted(blank).is_blank(), "{blank}");
        }
        for said in [r#""a""#, r#"" \n a""#, r#""\\""#, r#""\"""#] {
            assert!(!quoted(said).is_blank(), "{said}");
        }
    }
}
