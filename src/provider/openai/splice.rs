//! Changes a request without writing it again: a few places of the client's bytes are replaced.

use crate::{json::Object, provider::OutBody};
use std::ops::Range;

/// Replacements in one body.
pub(in crate::provider) struct Splice<'a, 'b> {
    body: &'b Object<'a>,
    edits: Vec<(Range<usize>, Vec<u8>)>,
}

impl<'a, 'b> Splice<'a, 'b> {
    pub(in crate::provider) fn of(body: &'b Object<'a>) -> Self {
        Self {
            body,
            edits: Vec::new(),
        }
    }

    /// Asks for this model.
    pub(in crate::provider) fn model(&mut self, model: &str) {
        let said = self.body.read::<crate::json::Str<'_>>("model");
        if matches!(said, Ok(Some(said)) if *said == *model) {
            return;
        }
        if let Some(place) = self.body.place("model") {
            let name = serde_json::to_vec(model).unwrap_or_default();
            self.edits.push((place, name));
        }
    }

    /// Asks for the usage chunk at the end of a stream; other stream options stay.
    pub(in crate::provider) fn ask_for_usage(&mut self) {
        const ASKED: &str = r#"{"include_usage":true}"#;
        let options = self.body.raw("stream_options").map(|raw| raw.get());
        let place = self.body.place("stream_options");
        match (options, place) {
            (Some("null"), Some(place)) => self.edits.push((place, ASKED.into())),
            (Some(options), Some(place)) => {
                let Ok(mut options) = Object::parse(options) else {
                    return; // not an object: the provider says so better than a guess here would
                };
                if options
                    .raw("include_usage")
                    .is_some_and(|raw| raw.get() == "true")
                {
                    return;
                }
                let _ = options.set("include_usage", &true); // a bool is always writable
                self.edits.push((place, options.to_vec()));
            }
            _ => {
                let Some(Range { end, .. }) = self.body.place("model") else {
                    return;
                };
                let field = format!(r#","stream_options":{ASKED}"#);
                self.edits.push((end..end, field.into()));
            }
        }
    }

    /// The body with its edits: the bytes up to the last edit are new, what follows stays.
    pub(in crate::provider) fn finish(mut self) -> OutBody {
        self.edits
            .sort_by_key(|(place, _)| (place.start, place.end));
        let Some((last, _)) = self.edits.last() else {
            return OutBody::Untouched;
        };
        let cut = last.end;
        let source = self.body.source().as_bytes();
        let mut head = Vec::with_capacity(cut + 64);
        let mut from = 0;
        for (place, new) in &self.edits {
            head.extend_from_slice(source.get(from..place.start).unwrap_or_default());
            head.extend_from_slice(new);
            from = place.end;
        }
        OutBody::Head { cut, head }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(body: &str, model: &str, usage: bool) -> (String, usize) {
        let object = Object::parse(body).unwrap();
        let mut splice = Splice::of(&object);
        splice.model(model);
        if usage {
            splice.ask_for_usage();
        }
        let out = splice.finish();
        let cut = match &out {
            OutBody::Head { cut, .. } => *cut,
            _ => 0,
        };
        (String::from_utf8(out.apply(body.as_bytes())).unwrap(), cut)
    }

    #[test]
    fn only_the_named_places_change() {
        assert_eq!(
            spliced(r#"{ "model" : "a" ,"messages":[ 1.10 ]}"#, "b/\"c", false),
            (r#"{ "model" : "b/\"c" ,"messages":[ 1.10 ]}"#.into(), 15)
        );
        assert_eq!(
            spliced(r#"{"model":"\u0061"}"#, "a", false),
            (r#"{"model":"\u0061"}"#.into(), 0)
        );
    }

    #[test]
    fn usage_is_asked_for_whatever_the_client_said_about_it() {
        let cases = [
            (
                r#"{"a":1,"model":"m"}"#,
                r#"{"a":1,"model":"m","stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream_options":null,"model":"m"}"#,
                r#"{"stream_options":{"include_usage":true},"model":"m"}"#,
            ),
            (
                r#"{"stream_options":{"include_usage":false,"x":1},"model":"m"}"#,
                r#"{"stream_options":{"include_usage":true,"x":1},"model":"m"}"#,
            ),
            (
                r#"{"stream_options":{"include_usage": true},"model":"m"}"#,
                r#"{"stream_options":{"include_usage": true},"model":"m"}"#,
            ),
        ];
        for (body, want) in cases {
            assert_eq!(spliced(body, "m", true).0, want);
        }
        assert_eq!(
            spliced(
                r#"{"stream_options":{},"messages":[],"model":"m"}"#,
                "n",
                true
            )
            .0,
            r#"{"stream_options":{"include_usage":true},"messages":[],"model":"n"}"#
        );
    }
}
