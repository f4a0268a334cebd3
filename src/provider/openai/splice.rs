//! Changes a request without writing it again: a few places of the client's bytes are replaced.

use crate::{json::Object, provider::OutBody};
use std::ops::Range;

/// Replacements in one body.
pub(in crate::provider) struct Splice<'a, 'b> {
    body: &'b Object<'a>,
    edits: Vec<(Range<usize>, Vec<u8>)>,
    removed: Vec<&'static str>,
}

impl<'a, 'b> Splice<'a, 'b> {
    pub(in crate::provider) fn of(body: &'b Object<'a>) -> Self {
        Self {
            body,
            edits: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Leaves a field out.
    pub(in crate::provider) fn remove(&mut self, key: &'static str) {
        self.removed.push(key);
    }

    /// Gives a field another name.
    pub(super) fn rename(&mut self, key: &'static str, name: &str) {
        let Some((gap, _)) = self
            .fields()
            .find(|(known, ..)| *known == key)
            .map(|f| (f.1, f.2))
        else {
            return;
        };
        let text = self.body.source().get(gap.clone()).unwrap_or_default();
        if let (Some(open), Some(close)) = (text.find('"'), text.rfind('"')) {
            let place = gap.start + open..gap.start + close + 1;
            self.edits.push((place, format!("\"{name}\"").into()));
        }
    }

    /// Puts other fields in the place of one. `fields`: their JSON text, without braces.
    pub(in crate::provider) fn replace(&mut self, key: &str, fields: impl Into<Vec<u8>>) {
        let Some((_, gap, place)) = self.fields().find(|(known, ..)| *known == key) else {
            return;
        };
        let text = self.body.source().get(gap.clone()).unwrap_or_default();
        if let Some(open) = text.find('"') {
            self.edits
                .push((gap.start + open..place.end, fields.into()));
        }
    }

    /// Gives a field another value, or adds it behind the model. `json`: its text.
    pub(in crate::provider) fn set(&mut self, key: &'static str, json: impl Into<Vec<u8>>) {
        if let Some(place) = self.body.place(key) {
            self.edits.push((place, json.into()));
        } else if let Some(Range { end, .. }) = self.body.place("model") {
            let field = [format!(",\"{key}\":").into_bytes(), json.into()].concat();
            self.edits.push((end..end, field));
        }
    }

    /// Each field: its name, what stands between the value before it and its own, and its value.
    fn fields(&self) -> impl Iterator<Item = (&'b str, Range<usize>, Range<usize>)> {
        let body = self.body;
        let mut end = body.source().find('{').map_or(0, |at| at + 1);
        body.iter().filter_map(move |(key, _)| {
            let place = body.place(key)?;
            let gap = end..place.start;
            end = place.end;
            Some((key, gap, place))
        })
    }

    /// The places of the fields to leave out, each with its comma.
    fn gone(&self) -> Vec<(Range<usize>, Vec<u8>)> {
        let mut gone = Vec::new();
        let mut nothing_before = true;
        for (key, gap, value) in self.fields() {
            if self.removed.contains(&key) {
                gone.push((gap.start..value.end, Vec::new()));
            } else if std::mem::take(&mut nothing_before) && !gone.is_empty() {
                // The first that stays needs no comma.
                let text = self.body.source().get(gap.clone()).unwrap_or_default();
                let comma = text.find(',').map_or(0, |at| at + 1);
                gone.push((gap.start..gap.start + comma, Vec::new()));
            }
        }
        gone
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
        if !self.removed.is_empty() {
            let gone = self.gone();
            self.edits.extend(gone);
        }
        self.edits
            .sort_by_key(|(place, _)| (place.start, place.end));
        let Some(cut) = self.edits.iter().map(|(place, _)| place.end).max() else {
            return OutBody::Untouched;
        };
        let source = self.body.source().as_bytes();
        let sizes = self.edits.iter();
        let (gone, new) = sizes.fold((0, 0), |(gone, new), (place, text)| {
            (gone + place.len(), new + text.len())
        });
        let mut head = Vec::with_capacity((cut + new).saturating_sub(gone));
        let mut from = 0;
        for (place, new) in &self.edits {
            if place.start < from {
                continue; // inside a field that is left out
            }
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
    fn fields_go_change_and_come_wherever_they_stand() {
        type Edit = fn(&mut Splice<'_, '_>);
        let edited = |body: &str, edit: Edit| {
            let object = Object::parse(body).unwrap();
            let mut splice = Splice::of(&object);
            edit(&mut splice);
            String::from_utf8(splice.finish().apply(body.as_bytes())).unwrap()
        };
        let cases: [(&str, Edit, &str); 9] = [
            (
                r#"{"a":1,"model":"m","c":2}"#,
                |s| s.remove("a"),
                r#"{"model":"m","c":2}"#,
            ),
            (
                r#"{ "a" : 1 , "b":3 , "model":"m"}"#,
                |s| {
                    s.remove("b");
                    s.remove("a");
                },
                r#"{ "model":"m"}"#,
            ),
            (
                r#"{"model":"m", "a":[1], "c":2}"#,
                |s| s.remove("a"),
                r#"{"model":"m", "c":2}"#,
            ),
            (
                r#"{"model":"m","a":1}"#,
                |s| s.remove("a"),
                r#"{"model":"m"}"#,
            ),
            (
                r#"{"model":"m","a":1}"#,
                |s| {
                    s.remove("a");
                    s.set("b", "2");
                    s.model("n");
                },
                r#"{"model":"n","b":2}"#,
            ),
            (
                r#"{"se\u0065d":7,"model":"m"}"#,
                |s| s.rename("seed", "random_seed"),
                r#"{"random_seed":7,"model":"m"}"#,
            ),
            (
                r#"{"model":"m", "a" : "x\"y" }"#,
                |s| {
                    s.rename("a", "b");
                    s.set("a", "0");
                },
                r#"{"model":"m", "b" : 0 }"#,
            ),
            (
                r#"{"stream":true, "model" : "m" ,"b":[1.10]}"#,
                |s| {
                    s.remove("stream");
                    s.replace("model", r#""v":1,"w":2"#);
                },
                r#"{ "v":1,"w":2 ,"b":[1.10]}"#,
            ),
            (
                r#"{"model":"m"}"#,
                |s| {
                    s.remove("a");
                    s.rename("b", "c");
                },
                r#"{"model":"m"}"#,
            ),
        ];
        for (body, edit, want) in cases {
            assert_eq!(edited(body, edit), want);
        }
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
