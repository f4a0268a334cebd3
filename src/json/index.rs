//! Where the values of a checked text lie, so that whoever reads them need not look for them again.

use super::{
    scan::{MAX_DEPTH, Problem, Root, scan},
    tokens::meant,
};
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, StringDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, value::RawValue};
use std::{borrow::Cow, ops::Range, rc::Rc};

/// A value that [`scan`] has noted: all fields of an object, and the objects of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// With its quotes; empty in a list.
    pub(super) key: Range<usize>,
    pub(super) place: Range<usize>,
    /// The first node behind this one and those inside of it, which follow it.
    pub(super) next: usize,
    /// A list that holds more than its objects.
    pub(super) mixed: bool,
}

impl Node {
    /// Its key in the text that it was noted in.
    pub(super) fn key<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let quoted = text.get(self.key.clone()).unwrap_or_default();
        let inner = quoted.get(1..quoted.len().saturating_sub(1));
        meant(inner.unwrap_or_default())
    }

    /// The JSON text of its value.
    pub(super) fn value<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.place.clone()).unwrap_or("null")
    }
}

/// Most nodes that are kept once their text is gone, of 28 bytes each: a conversation of some five hundred messages.
const MAX_KEPT_NODES: usize = 2048;

/// Where the values of a text lie, for whoever gets the same text again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(Rc<Vec<Node>>);

/// The nodes of a text, in the order in which they begin.
#[derive(Debug)]
pub struct Index<'a> {
    text: &'a str,
    nodes: Rc<Vec<Node>>,
}

/// One value of an indexed text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'i, 'a> {
    index: &'i Index<'a>,
    at: usize,
}

impl<'a> Index<'a> {
    /// Checks a text and notes all that is in it.
    pub(super) fn of(text: &'a str, root: Root) -> Result<Self, Problem> {
        let mut nodes = scan(text, root, MAX_DEPTH)?;
        // They may be kept for as long as the request is under way.
        nodes.shrink_to_fit();
        let nodes = Rc::new(nodes);
        Ok(Self { text, nodes })
    }

    /// To be kept; `None`: there is too much in the text.
    pub(super) fn layout(&self) -> Option<Layout> {
        (self.nodes.len() <= MAX_KEPT_NODES).then(|| Layout(Rc::clone(&self.nodes)))
    }

    /// Whether this is the text, and not a part of it or another one.
    pub(super) fn is_of(&self, text: &str) -> bool {
        text.len() == self.text.len() && text.as_ptr() == self.text.as_ptr()
    }

    /// The same text again, or its beginning: nothing is checked.
    pub(super) fn known(text: &'a str, layout: &Layout) -> Self {
        let nodes = Rc::clone(&layout.0);
        Self { text, nodes }
    }

    /// All of the text.
    pub(super) const fn root(&self) -> Value<'_, 'a> {
        Value { index: self, at: 0 }
    }

    /// Reads a value of this text; any other is looked at as `serde_json` does.
    ///
    /// Errors: the value has another type.
    pub fn read<T: Deserialize<'a>>(&self, value: &'a str) -> serde_json::Result<T> {
        match self.find(value) {
            Some(value) => T::deserialize(value),
            None => serde_json::from_str(value),
        }
    }

    /// The value that stands at this place of memory; `None`: it is not from this text, or not noted.
    pub(super) fn find(&self, value: &str) -> Option<Value<'_, 'a>> {
        let start = value
            .as_ptr()
            .addr()
            .checked_sub(self.text.as_ptr().addr())?;
        let place = start..start.checked_add(value.len())?;
        let at = self
            .nodes
            .binary_search_by_key(&start, |node| node.place.start);
        let at = at
            .ok()
            .filter(|at| self.nodes.get(*at).is_some_and(|node| node.place == place))?;
        Some(Value { index: self, at })
    }
}

impl<'i, 'a> Value<'i, 'a> {
    fn node(self) -> Option<&'i Node> {
        self.index.nodes.get(self.at)
    }

    /// Its JSON text.
    pub(super) fn text(self) -> &'a str {
        self.node()
            .map_or("null", |node| node.value(self.index.text))
    }

    /// Whether the text goes as far.
    pub(super) fn is_here(self) -> bool {
        let end = self.node().map(|node| node.place.end);
        end.is_some_and(|end| end <= self.index.text.len())
    }

    /// The key it stands under.
    pub(super) fn key(self) -> Cow<'a, str> {
        self.node()
            .map(|node| node.key(self.index.text))
            .unwrap_or_default()
    }

    /// Whether it is a list of objects and nothing else.
    pub(super) fn is_list_of_objects(self) -> bool {
        self.text().starts_with('[') && self.node().is_some_and(|node| !node.mixed)
    }

    /// The fields of an object, or the objects of a list.
    pub(super) fn inside(self) -> Inside<'i, 'a> {
        Inside {
            index: self.index,
            at: self.at + 1,
            end: self.node().map_or(0, |node| node.next),
            value: None,
        }
    }
}

/// What stands in a value.
pub(super) struct Inside<'i, 'a> {
    index: &'i Index<'a>,
    at: usize,
    end: usize,
    /// The field whose key has been read.
    value: Option<Value<'i, 'a>>,
}

impl<'i, 'a> Iterator for Inside<'i, 'a> {
    type Item = Value<'i, 'a>;

    fn next(&mut self) -> Option<Value<'i, 'a>> {
        if self.at >= self.end {
            return None;
        }
        let value = Value {
            index: self.index,
            at: self.at,
        };
        self.at = value.node()?.next;
        Some(value)
    }
}

impl<'a> Deserializer<'a> for Value<'_, 'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text().as_bytes().first() {
            Some(b'{') => visitor.visit_map(self.inside()),
            Some(b'[') if self.is_list_of_objects() => visitor.visit_seq(self.inside()),
            _ => serde_json::Deserializer::from_str(self.text()).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text() {
            "null" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name.starts_with('$') {
            return visitor.visit_map(Raw {
                name,
                text: Some(BorrowedStrDeserializer::new(self.text())),
            });
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        serde_json::Deserializer::from_str(self.text()).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        <W: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

impl<'a> MapAccess<'a> for Inside<'_, 'a> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.value = self.next();
        let Some(value) = self.value else {
            return Ok(None);
        };
        match value.key() {
            Cow::Borrowed(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
            Cow::Owned(key) => seed.deserialize(StringDeserializer::new(key)),
        }
        .map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(serde::de::Error::custom("a value without a key")),
        }
    }
}

impl<'a> SeqAccess<'a> for Inside<'_, 'a> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.next().map(|value| seed.deserialize(value)).transpose()
    }
}

/// A text of ours as a raw value; the caller knows that it is JSON, and nobody looks at it again.
pub fn boxed(text: String) -> Option<Box<RawValue>> {
    /// Takes what the type says of itself.
    struct Made(String);

    impl<'a> Deserializer<'a> for Made {
        type Error = Error;

        fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.visit_string(self.0)
        }

        fn deserialize_newtype_struct<V: Visitor<'a>>(
            self,
            name: &'static str,
            visitor: V,
        ) -> Result<V::Value, Error> {
            let text = Some(StringDeserializer::new(self.0));
            visitor.visit_map(Raw { name, text })
        }

        forward_to_deserialize_any! {
            <W: Visitor<'a>>
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
            unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
        }
    }
    Deserialize::deserialize(Made(text)).ok()
}

/// What `serde_json` gives itself for a raw value, a type that has an odd name: one field of that name.
struct Raw<D> {
    name: &'static str,
    text: Option<D>,
}

impl<'a, D: Deserializer<'a, Error = Error>> MapAccess<'a> for Raw<D> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let name = BorrowedStrDeserializer::new(self.name);
        self.text
            .as_ref()
            .map(|_| seed.deserialize(name))
            .transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Error> {
        match self.text.take() {
            Some(text) => seed.deserialize(text),
            None => Err(serde::de::Error::custom("a raw value has one text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;
    use std::collections::BTreeMap;

    const TEXT: &str = r#" {"a":[ {"k\u0041":1.10 , "t":"x\"y"}, {} ],"m":[1,{"b":2}],"n":null,
        "o":{"p":{"q":[[{}]]},"s":"é\n"}} "#;

    fn index() -> Index<'static> {
        Index::of(TEXT, Root::Object).unwrap()
    }

    #[test]
    fn what_is_read_through_the_index_is_what_serde_json_reads() {
        type Raws<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;
        let index = index();
        let (ours, theirs) = (
            Raws::deserialize(index.root()),
            serde_json::from_str::<Raws<'_>>(TEXT),
        );
        let texts = |raws: Raws<'_>| format!("{raws:?}");
        assert_eq!(texts(ours.unwrap()), texts(theirs.unwrap()));
        let ours = serde_json::Value::deserialize(index.root()).unwrap();
        assert_eq!(
            ours,
            serde_json::from_str::<serde_json::Value>(TEXT).unwrap()
        );
        assert!(IgnoredAny::deserialize(index.root()).is_ok());
    }

    #[test]
    fn a_made_text_becomes_a_raw_value_as_it_stands() {
        let raw = boxed(r#"{"a": 1.10}"#.to_owned()).unwrap();
        assert_eq!(raw.get(), r#"{"a": 1.10}"#);
        assert_eq!(serde_json::to_string(&raw).unwrap(), r#"{"a": 1.10}"#);
    }

    #[test]
    fn a_value_is_found_by_where_it_stands() {
        let index = index();
        let list: Vec<_> = index.root().inside().collect();
        let texts: Vec<_> = list.iter().map(|value| value.text()).collect();
        assert_eq!(
            texts.first(),
            Some(&r#"[ {"k\u0041":1.10 , "t":"x\"y"}, {} ]"#)
        );
        for value in list {
            let found = index.find(value.text()).unwrap();
            assert_eq!((found.at, found.key()), (value.at, value.key()));
        }
        let item = index.find(texts[0]).unwrap().inside().next().unwrap();
        let fields: Vec<_> = item
            .inside()
            .map(|field| (field.key().into_owned(), field.text()))
            .collect();
        assert_eq!(
            fields,
            [("kA".to_owned(), "1.10"), ("t".to_owned(), r#""x\"y""#)]
        );
        assert!(index.find("[1]").is_none(), "it stands elsewhere");
        assert!(
            index.find(texts[0].get(..4).unwrap()).is_none(),
            "it ends elsewhere"
        );
    }

    #[test]
    fn a_list_with_anything_but_objects_is_read_as_a_whole() {
        let index = index();
        let lists = index
            .root()
            .inside()
            .map(|value| value.is_list_of_objects());
        assert_eq!(lists.collect::<Vec<_>>(), [true, false, false, false]);
        let mixed = index.root().inside().nth(1).unwrap();
        let items: Vec<&RawValue> = Deserialize::deserialize(mixed).unwrap();
        assert_eq!(
            items.iter().map(|raw| raw.get()).collect::<Vec<_>>(),
            ["1", r#"{"b":2}"#]
        );
    }
}
