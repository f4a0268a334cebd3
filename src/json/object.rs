//! An order-keeping view of one JSON object.

use super::{
    index::{Index, Layout, Node, Value},
    plain::plain,
    scan::{Problem, Root, scan},
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, ops::Range, rc::Rc};

/// The JSON text of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw<'a> {
    /// As it stands in the body that was parsed.
    Kept(&'a str),
    /// Written anew.
    Made(String),
}

impl Raw<'_> {
    /// The JSON text.
    pub fn get(&self) -> &str {
        match self {
            Raw::Kept(text) => text,
            Raw::Made(text) => text,
        }
    }
}

/// Where a field's value stands in the text it was parsed from. Units: bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The field.
    pub key: String,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// One JSON object: its fields in order, their values untouched text.
///
/// Shape: keys are unique; what [`Object::parse`] accepted is valid JSON down to the last level.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    source: &'a str,
    fields: Vec<(Cow<'a, str>, Raw<'a>)>,
    index: Option<Rc<Index<'a>>>,
}

impl<'a> Object<'a> {
    /// Reads one object and checks all of it: grammar, depth, duplicate keys.
    pub fn parse(text: &'a str) -> Result<Self, Problem> {
        Self::scanned(text, Root::Object)
    }

    fn scanned(text: &'a str, root: Root) -> Result<Self, Problem> {
        let nodes = scan(text, root, 1)?.into_iter().skip(1);
        let field = |node: Node| (node.key(text), Raw::Kept(node.value(text)));
        Ok(Self {
            source: text,
            fields: nodes.map(field).collect(),
            index: None,
        })
    }

    /// As [`Object::parse`], for an object whose keys are names of somebody's choice: it may have any number of them, and
    /// looking for one takes as long as there are others.
    pub fn parse_map(text: &'a str) -> Result<Self, Problem> {
        Self::scanned(text, Root::Map)
    }

    /// As [`Object::parse`], for a text that more than one level is read of: where everything in it lies is
    /// noted in the same pass, and neither [`Object::read`] nor [`Object::items`] looks for it again.
    pub fn indexed(text: &'a str) -> Result<Self, Problem> {
        let index = Rc::new(Index::of(text, Root::Object)?);
        Ok(Self {
            source: text,
            ..Self::at(index.root(), &index)
        })
    }

    /// Reads a list of objects as [`Object::indexed`] reads one.
    pub fn indexed_list(text: &'a str) -> Result<Vec<Self>, Problem> {
        let index = Rc::new(Index::of(text, Root::List)?);
        objects(index.root(), &index).ok_or_else(|| Problem {
            what: "it is not a list of objects",
            at: 0,
            path: String::new(),
        })
    }

    fn at(value: Value<'_, 'a>, index: &Rc<Index<'a>>) -> Self {
        let fields = value.inside();
        Self {
            source: value.text(),
            fields: fields
                .map(|field| (field.key(), Raw::Kept(field.text())))
                .collect(),
            index: Some(Rc::clone(index)),
        }
    }

    /// The object that [`Object::layout`] describes, without looking at the text again. Fields that
    /// end beyond `text` are left out.
    pub fn laid_out(text: &'a str, layout: &Layout) -> Self {
        let index = Rc::new(Index::known(text, layout));
        let fields = index.root().inside();
        Self {
            source: text,
            fields: fields
                .filter(|field| field.is_here())
                .map(|field| (field.key(), Raw::Kept(field.text())))
                .collect(),
            index: Some(Rc::clone(&index)),
        }
    }

    /// Where everything in the text lies, for whoever gets it again; `None`: it was not indexed, is not the whole text, or
    /// there is too much in it.
    pub fn layout(&self) -> Option<Layout> {
        let index = self.index.as_ref()?;
        index.layout().filter(|_| index.is_of(self.source))
    }

    /// Where each untouched field stands, in order.
    pub fn places(&self) -> Vec<Place> {
        let place = |(key, value): &(Cow<'a, str>, Raw<'a>)| {
            let Range { start, end } = self.place_of(value)?;
            Some(Place {
                key: key.clone().into_owned(),
                start,
                end,
            })
        };
        self.fields.iter().filter_map(place).collect()
    }

    /// The text this object was parsed from; empty for one that was built.
    pub fn source(&self) -> &'a str {
        self.source
    }

    /// The JSON text of a field's value.
    pub fn raw(&self, key: &str) -> Option<&Raw<'a>> {
        self.fields.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The JSON text of a field that has not been written anew.
    pub fn kept(&self, key: &str) -> Option<&'a str> {
        match self.raw(key)? {
            Raw::Kept(text) => Some(text),
            Raw::Made(_) => None,
        }
    }

    /// Reads a field into a type; JSON `null` is the same as an absent field.
    ///
    /// Errors: the value has another type.
    pub fn read<'s, T: Deserialize<'s>>(&'s self, key: &str) -> serde_json::Result<Option<T>> {
        match self.raw(key).map(Raw::get) {
            None | Some("null") => Ok(None),
            Some(text) => match &self.index {
                Some(index) => index.read(text).map(Some),
                None => serde_json::from_str(text).map(Some),
            },
        }
    }

    /// The objects of a list that has not been written anew; `None`: there is no such list, or there is
    /// more in it than objects.
    pub fn items(&self, key: &str) -> Option<Vec<Self>> {
        let text = self.kept(key)?;
        let index = self.index.as_ref();
        match index.and_then(|index| Some((index.find(text)?, index))) {
            Some((value, index)) => objects(value, index),
            None => Self::indexed_list(text).ok(),
        }
    }

    /// Where everything in a list lies, for who reads more than one level of it.
    pub fn index(&self, key: &str) -> Option<Rc<Index<'_>>> {
        let text = self.raw(key)?.get();
        match &self.index {
            Some(index) if index.find(text).is_some() => Some(Rc::clone(index) as Rc<Index<'_>>),
            _ => Index::of(text, Root::List).ok().map(Rc::new),
        }
    }

    /// Where an untouched value stands in [`Object::source`]. Units: bytes.
    pub fn place(&self, key: &str) -> Option<Range<usize>> {
        self.place_of(self.raw(key)?)
    }

    fn place_of(&self, value: &Raw<'a>) -> Option<Range<usize>> {
        let Raw::Kept(value) = value else {
            return None;
        };
        let start = value
            .as_ptr()
            .addr()
            .checked_sub(self.source.as_ptr().addr())?;
        let end = start.checked_add(value.len())?;
        (end <= self.source.len()).then_some(start..end)
    }

    /// Sets a field, in place when it exists, at the end otherwise.
    ///
    /// Errors: the value cannot be written as JSON.
    pub fn set<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> serde_json::Result<()> {
        self.put(key, serde_json::to_string(value)?);
        Ok(())
    }

    /// As [`Object::set`], for what is JSON text already.
    pub fn put(&mut self, key: &'static str, json: String) {
        let made = Raw::Made(json);
        match self.fields.iter_mut().find(|(k, _)| k == key) {
            Some((_, slot)) => *slot = made,
            None => self.fields.push((Cow::Borrowed(key), made)),
        }
    }

    /// Adds a field at the end; the caller knows that the key is new.
    pub fn push(&mut self, key: Cow<'a, str>, value: Raw<'a>) {
        self.fields.push((key, value));
    }

    /// Takes a field out.
    pub fn remove(&mut self, key: &str) -> Option<Raw<'a>> {
        let at = self.fields.iter().position(|(k, _)| k == key)?;
        Some(self.fields.remove(at).1)
    }

    /// Takes the fields out that are not to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Raw<'a>) -> bool) {
        self.fields.retain(|(key, value)| keep(key, value));
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Raw<'a>)> {
        self.fields.iter().map(|(k, v)| (&**k, v))
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The object as compact JSON text; values keep their own bytes.
    pub fn to_json(&self) -> String {
        let size: usize = self
            .fields
            .iter()
            .map(|(k, v)| k.len() + v.get().len() + 4)
            .sum();
        let mut out = String::with_capacity(size + 2);
        self.write_to(&mut out);
        out
    }

    /// As [`Object::to_json`], behind what `out` holds already.
    pub fn write_to(&self, out: &mut String) {
        out.push('{');
        for (n, (key, value)) in self.fields.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            if plain(key.as_bytes()) == key.len() {
                out.extend(["\"", key, "\":"]);
            } else {
                // A string is always writable.
                out.push_str(&serde_json::to_string(key).unwrap_or_default());
                out.push(':');
            }
            out.push_str(value.get());
        }
        out.push('}');
    }

    /// The bytes of [`Object::to_json`].
    pub fn to_vec(&self) -> Vec<u8> {
        self.to_json().into_bytes()
    }
}

/// The objects of a list that holds nothing else.
fn objects<'a>(list: Value<'_, 'a>, index: &Rc<Index<'a>>) -> Option<Vec<Object<'a>>> {
    let items = list.inside().map(|item| Object::at(item, index));
    list.is_list_of_objects().then(|| items.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"model":"m", "big":9007199254740993,"price":1.10,"none":null}"#;

    #[test]
    fn unread_fields_keep_their_bytes_and_their_order() {
        let mut body = Object::parse(BODY).unwrap();
        body.set("model", "other \"one\"").unwrap();
        body.set("new", &[1, 2]).unwrap();
        body.remove("none");
        assert_eq!(
            String::from_utf8(body.to_vec()).unwrap(),
            r#"{"model":"other \"one\"","big":9007199254740993,"price":1.10,"new":[1,2]}"#
        );
    }

    #[test]
    fn a_list_of_objects_is_read_in_one_pass() {
        let text = r#" [ {"a":1, "b":{"c":[{"d":2}]}} ,{},{"a":"]"}] "#;
        let items = Object::indexed_list(text).unwrap();
        let sources: Vec<_> = items.iter().map(Object::source).collect();
        assert_eq!(
            sources,
            [r#"{"a":1, "b":{"c":[{"d":2}]}}"#, "{}", r#"{"a":"]"}"#]
        );
        for (item, source) in items.iter().zip(sources) {
            let alone = Object::parse(source).unwrap();
            assert_eq!(item.places(), alone.places());
        }
        assert!(Object::indexed_list("[]").unwrap().is_empty());
        for wrong in [
            "{}",
            "[1]",
            "[{},2]",
            "[[{}]]",
            "[{}",
            "[{},]",
            "[{}]]",
            "[{}] 1",
            r#"[{"a":1,"a":2}]"#,
            "",
        ] {
            assert!(Object::indexed_list(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_layout_reads_the_same_text_again_and_its_beginning() {
        let text = r#" {"a":"x\u0041","list":[{"b":1,"c":{"d":[2]}},{}],"e":null} "#;
        let first = Object::indexed(text).unwrap();
        let layout = first.layout().unwrap();
        let copy = text.to_owned();
        let again = Object::laid_out(&copy, &layout);
        assert_eq!(again.source(), text);
        assert!(first.iter().eq(again.iter()));
        assert_eq!(again.place("list"), first.place("list"));
        let items = again.items("list").unwrap();
        assert_eq!(items[0].raw("c").unwrap().get(), r#"{"d":[2]}"#);
        let end = first.place("a").unwrap().end;
        let beginning = Object::laid_out(copy.get(..=end).unwrap(), &layout);
        let keys: Vec<_> = beginning.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a"]);
        // A part of a text, and what was not indexed, has none.
        assert_eq!(items[0].layout(), None);
        assert_eq!(Object::parse(text).unwrap().layout(), None);
    }

    #[test]
    fn null_reads_as_absent_and_a_wrong_type_as_an_error() {
        let body = Object::parse(BODY).unwrap();
        assert_eq!(body.read::<u64>("none").unwrap(), None);
        assert_eq!(body.read::<u64>("missing").unwrap(), None);
        assert!(body.read::<u64>("model").is_err());
    }

    #[test]
    fn the_place_of_a_value_is_where_it_stands_in_the_source() {
        let body = Object::parse(BODY).unwrap();
        assert_eq!(BODY.get(body.place("price").unwrap()), Some("1.10"));
        assert_eq!(body.place("missing"), None);
    }
}
