//! The texts of a request for somebody else to judge, and a body with other texts in their places.

use super::{Body, Order, Stop, is_json, walk};
use crate::json::meant;
use std::{fmt, ops::Range};

/// Shortest text that is worth a look. Units: bytes.
const SHORTEST: usize = 2;

/// A text, as a person reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// Where it stands in the body, between the quotes of a string.
    place: Range<usize>,
    /// What it says.
    pub text: String,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Said");
        shown.field("place", &self.place).finish_non_exhaustive()
    }
}

/// The texts of a body, in order; numbers are none.
///
/// Errors: there is more than is looked at: more texts than `most`, or more bytes.
pub fn read(body: &str, order: Order, most: usize, bytes: usize) -> Result<Vec<Said>, Stop> {
    let texts = walk::texts(body, walk::Zone::Body, order == Order::Conversation)?;
    let mut left = bytes;
    let mut out = Vec::new();
    for text in texts {
        let inner = body.get(text.place.clone()).unwrap_or_default();
        if text.how == walk::How::Number || inner.len() < SHORTEST {
            continue;
        }
        let meaning = meant(inner).into_owned();
        left = left.checked_sub(meaning.len()).ok_or(Stop::Unreadable)?;
        out.push(Said {
            place: text.place,
            text: meaning,
        });
        if out.len() > most {
            return Err(Stop::Unreadable);
        }
    }
    Ok(out)
}

/// The body with new texts in the places of those that have one; the rest keeps its bytes.
///
/// Errors: a text that was JSON would not be any more.
pub fn replaced(body: &str, texts: &[Said], new: &[Option<String>]) -> Result<String, Stop> {
    let mut out = Body {
        text: body,
        at: 0,
        out: None,
    };
    for (said, new) in texts.iter().zip(new) {
        let Some(new) = new.as_deref().filter(|new| *new != said.text) else {
            continue;
        };
        if is_json(&said.text) && !is_json(new) {
            return Err(Stop::Unreadable);
        }
        let quoted = serde_json::to_string(new).unwrap_or_default();
        let inner = quoted.get(1..quoted.len().saturating_sub(1));
        out.put(said.place.start, said.place.end, inner.unwrap_or_default());
    }
    Ok(out.finish().unwrap_or_else(|| body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{ "model":"m", "messages":[{"role":"user","content":"say \"hi\""},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"to\":\"Ann\"}"}}]}],"n":1.10 }"#;

    #[test]
    fn texts_are_read_as_they_are_meant_and_written_where_they_stood() {
        let texts = read(BODY, Order::Conversation, 10, 100).unwrap();
        let said: Vec<_> = texts.iter().map(|said| said.text.as_str()).collect();
        assert_eq!(said, ["say \"hi\"", r#"{"to":"Ann"}"#]);
        assert_eq!(replaced(BODY, &texts, &[None, None]).unwrap(), BODY);
        let new = [
            Some("a\n\"b\"".to_owned()),
            Some(r#"{"to":"*"}"#.to_owned()),
        ];
        let expected = BODY
            .replace(r#"say \"hi\""#, r#"a\n\"b\""#)
            .replace("Ann", "*");
        assert_eq!(replaced(BODY, &texts, &new).unwrap(), expected);
    }

    #[test]
    fn what_would_break_an_argument_or_is_too_much_is_refused() {
        let texts = read(BODY, Order::Conversation, 10, 100).unwrap();
        let broken = [None, Some("gone".to_owned())];
        assert_eq!(replaced(BODY, &texts, &broken), Err(Stop::Unreadable));
        assert_eq!(read(BODY, Order::Apart, 1, 100), Err(Stop::Unreadable));
        assert_eq!(read(BODY, Order::Apart, 10, 12), Err(Stop::Unreadable));
    }
}
