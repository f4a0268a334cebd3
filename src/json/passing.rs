//! A JSON object that passes by in pieces, of which a few fields are caught. It is not checked: what
//! is caught is checked by who reads it.

/// Longest value that is caught. Units: bytes.
const MAX_VALUE_BYTES: usize = 4096;
/// Longest key that can be one of those.
const MAX_KEY_BYTES: usize = 32;

/// Catches top-level fields.
#[derive(Debug)]
pub struct Passing {
    wanted: &'static [&'static str],
    caught: Vec<(&'static str, String)>,
    depth: usize,
    text: Text,
    /// A key is next, or a value.
    at: At,
    /// The key or value that is being caught.
    piece: Vec<u8>,
    key: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Key,
    Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    Escaped,
}

impl Passing {
    /// Looks for these fields.
    pub fn new(wanted: &'static [&'static str]) -> Self {
        Self {
            wanted,
            caught: Vec::new(),
            depth: 0,
            text: Text::Outside,
            at: At::Key,
            piece: Vec::new(),
            key: None,
        }
    }

    /// Takes in more of the text.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.text == Text::Inside && !self.is_catching() {
                // The data of an image is one long string.
                let end = bytes.iter().position(|b| matches!(b, b'"' | b'\\'));
                let Some((&byte, rest)) = bytes
                    .get(end.unwrap_or(bytes.len())..)
                    .and_then(<[u8]>::split_first)
                else {
                    return;
                };
                self.take(byte);
                bytes = rest;
                continue;
            }
            self.take(byte);
            bytes = rest;
        }
    }

    /// The JSON text of a field, once it has passed.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.caught
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.as_str())
    }

    fn is_catching(&self) -> bool {
        self.key.is_some() || (self.depth == 1 && self.at == At::Key)
    }

    fn take(&mut self, byte: u8) {
        let inside = self.text != Text::Outside;
        self.text = match (self.text, byte) {
            (Text::Outside, b'"') => Text::Inside,
            (Text::Inside, b'"') => Text::Outside,
            (Text::Inside, b'\\') => Text::Escaped,
            (Text::Escaped, _) => Text::Inside,
            (text, _) => text,
        };
        if !inside {
            match byte {
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth == 1 {
                        return;
                    }
                }
                b'}' | b']' => {
                    if self.depth == 1 {
                        self.caught_one();
                    }
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return;
                    }
                }
                b',' if self.depth == 1 => {
                    self.caught_one();
                    self.at = At::Key;
                    return;
                }
                b':' if self.depth == 1 && self.at == At::Key => {
                    let piece = std::mem::take(&mut self.piece);
                    let said = String::from_utf8_lossy(&piece);
                    let said = said.trim().trim_matches('"');
                    self.key = self.wanted.iter().copied().find(|key| *key == said);
                    self.at = At::Value;
                    return;
                }
                _ => {}
            }
        }
        if self.is_catching() {
            let most = match self.at {
                At::Key => MAX_KEY_BYTES,
                At::Value => MAX_VALUE_BYTES,
            };
            if self.piece.len() < most {
                self.piece.push(byte);
            } else if self.at == At::Value {
                self.key = None; // too long to be what was meant
                self.piece.clear();
            }
        }
    }

    fn caught_one(&mut self) {
        let piece = std::mem::take(&mut self.piece);
        let Some(key) = self.key.take() else { return };
        if let Ok(text) = String::from_utf8(piece) {
            self.caught.retain(|(name, _)| *name != key);
            self.caught.push((key, text.trim().to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_caught_however_the_text_is_cut() {
        let text = r#" {"created":1,"data":[{"b64":"aa\"}{","usage":1,"x":{"model":"no"}}],"usage" : {"a":{"b":[1,2]},"c":"}\\"},"s":"\"model\":2","model":"m,\"1" }"#;
        for size in 1..=text.len() {
            let mut passing = Passing::new(&["usage", "model"]);
            for chunk in text.as_bytes().chunks(size) {
                passing.push(chunk);
            }
            assert_eq!(
                passing.get("usage"),
                Some(r#"{"a":{"b":[1,2]},"c":"}\\"}"#),
                "{size}"
            );
            assert_eq!(passing.get("model"), Some(r#""m,\"1""#), "{size}");
            assert_eq!(passing.get("data"), None);
        }
    }

    #[test]
    fn a_value_that_is_too_long_is_not_kept_and_neither_is_what_is_no_object() {
        let mut passing = Passing::new(&["usage"]);
        passing.push(format!(r#"{{"usage":"{}","#, "x".repeat(MAX_VALUE_BYTES)).as_bytes());
        assert!(passing.piece.is_empty());
        passing.push(br#""a":1}"#);
        assert_eq!(passing.get("usage"), None);
        let mut passing = Passing::new(&["usage"]);
        passing.push(br#"{"usage":0"#);
        for _ in 0..100 {
            passing.push(br#","usage":{"usage":[2]}"#);
        }
        passing.push(br#",""#);
        for _ in 0..100 {
            passing.push(b"usage");
        }
        assert_eq!(passing.get("usage"), Some(r#"{"usage":[2]}"#));
        assert_eq!(passing.caught.len(), 1);
        assert!(passing.piece.len() <= MAX_KEY_BYTES);
        for odd in [&b"\xff\xfe\x00"[..], b"]]]}}}:::,,,", b"usage: 1", b"[1,2]"] {
            let mut passing = Passing::new(&["usage"]);
            passing.push(odd);
            assert_eq!(passing.get("usage"), None);
            assert!(passing.piece.len() <= MAX_VALUE_BYTES);
        }
    }
}
