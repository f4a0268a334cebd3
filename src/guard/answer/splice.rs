//! Puts new values into JSON text; every other byte stays.

use crate::{frame::Event, json::one_line};

/// What stands in the place of a value.
#[derive(Debug)]
pub(super) struct New<'a> {
    /// The value as it came: a part of the text that is spliced.
    pub(super) old: &'a str,
    /// JSON text.
    pub(super) new: String,
}

/// Where in `text` a part of it begins.
fn place(text: &[u8], part: &str) -> Option<usize> {
    let at = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let end = at.checked_add(part.len())?;
    (end <= text.len()).then_some(at)
}

/// The text with its new values. One that lies inside another, or elsewhere, is left out.
pub(super) fn splice(text: &str, mut news: Vec<New<'_>>) -> String {
    news.sort_by_key(|new| new.old.as_ptr().addr());
    let more: usize = news.iter().map(|new| new.new.len()).sum();
    let mut out = String::with_capacity(text.len() + more);
    let mut at = 0;
    for new in news {
        let Some(start) = place(text.as_bytes(), new.old).filter(|start| *start >= at) else {
            continue;
        };
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str(&new.new);
        at = start + new.old.len();
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Adds an event with new data.
pub(super) fn write(event: &Event<'_>, data: &str, new: &str, out: &mut Vec<u8>) {
    // Its data is one line of it, as it stands there.
    if let Some(at) = place(event.raw, data)
        && let Some(before) = event.raw.get(..at)
        && let Some(after) = event.raw.get(at + data.len()..)
    {
        out.extend_from_slice(before);
        out.extend_from_slice(one_line(new).as_bytes());
        out.extend_from_slice(after);
        if after.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            return;
        }
        out.extend_from_slice(b"\n\n"); // the last one, which its provider has not ended
        return;
    }
    named(&event.name, new, out);
}

/// Adds an event of our own.
pub(super) fn named(name: &str, data: &str, out: &mut Vec<u8>) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(one_line(name).as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(one_line(data).as_bytes());
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;
    use crate::frame::sse::Splitter;

    #[test]
    fn new_values_stand_where_the_old_ones_did() {
        let text = String::from(r#"{"a":"x", "b":[1,"y"] }"#);
        let of = |old: &str, new: &str| New {
            old: &text[text.find(old).unwrap()..][..old.len()],
            new: new.into(),
        };
        assert_eq!(
            splice(&text, vec![of("\"y\"", "\"long\""), of("\"x\"", "\"\"")]),
            r#"{"a":"", "b":[1,"long"] }"#
        );
        assert_eq!(
            splice(&text, vec![of("[1,\"y\"]", "null"), of("\"y\"", "7")]),
            r#"{"a":"x", "b":null }"#
        );
        let elsewhere = New {
            old: "\"x\"",
            new: "7".into(),
        };
        assert_eq!(splice(&text, vec![elsewhere]), text);
    }

    #[test]
    fn an_event_keeps_its_other_lines_where_its_data_is_one() {
        for (raw, want) in [
            (
                "id: 7\ndata: {}\nretry: 1\n\n",
                "id: 7\ndata: [1]\nretry: 1\n\n",
            ),
            (
                "event: a\r\ndata:{}\r\n\r\n",
                "event: a\r\ndata:[1]\r\n\r\n",
            ),
            ("event: a\ndata: {\ndata: }\n\n", "event: a\ndata: [1]\n\n"),
            ("data: {}", "data: [1]\n\n"),
        ] {
            let (mut splitter, mut out) = (Splitter::new(100), Vec::new());
            let mut each = |event: Event<'_>| {
                let data = event.data.as_deref().unwrap();
                write(&event, data, "[1]", &mut out);
            };
            splitter.push(raw.as_bytes(), &mut each).unwrap();
            splitter.close(&mut each);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}
