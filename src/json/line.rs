//! JSON on one line, as an event of a stream needs it.

use std::borrow::Cow;

/// The same JSON without line ends; they stand between tokens only, never inside a string.
pub fn one_line(json: &str) -> Cow<'_, str> {
    const ENDS: [char; 2] = ['\n', '\r'];
    if !json.contains(ENDS) {
        return Cow::Borrowed(json);
    }
    Cow::Owned(json.split(ENDS).map(str::trim_start).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_what_indents_after_them_go() {
        assert_eq!(
            one_line("{\r\n \"a\": \" \\n c\",\n\t\"d\": 1\n}"),
            r#"{"a": " \n c","d": 1}"#
        );
        assert!(matches!(one_line("{ }"), Cow::Borrowed("{ }")));
    }
}
