//! Reads fields below the first level of a request, and names the one that is wrong.

use super::request::{missing, wrong_type};
use crate::{
    fault::Fault,
    json::{Index, Quoted},
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;
use std::{fmt, marker::PhantomData};

/// A field before anybody asked what it is; JSON `null` is absent.
pub(in crate::api) type Field<'a> = Option<&'a RawValue>;

/// Where a value stands, e.g. `messages[2].content[1].image_url.url`. Costs nothing until it is written.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct Place<'p> {
    up: Option<&'p Place<'p>>,
    step: Step,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Key(&'static str),
    Index(usize),
}

impl Place<'_> {
    pub(in crate::api) const fn root(key: &'static str) -> Self {
        Place {
            up: None,
            step: Step::Key(key),
        }
    }

    pub(in crate::api) const fn key(&self, key: &'static str) -> Place<'_> {
        Place {
            up: Some(self),
            step: Step::Key(key),
        }
    }

    pub(in crate::api) const fn index(&self, index: usize) -> Place<'_> {
        Place {
            up: Some(self),
            step: Step::Index(index),
        }
    }

    /// The value has another type.
    pub(in crate::api) fn wrong(&self, want: &str) -> Fault {
        wrong_type(&self.to_string(), want)
    }

    /// The value is not there.
    pub(in crate::api) fn missing(&self) -> Fault {
        missing(&self.to_string())
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(up) = self.up {
            up.fmt(f)?;
        }
        match self.step {
            Step::Key(key) if self.up.is_some() => write!(f, ".{key}"),
            Step::Key(key) => f.write_str(key),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A string that may be absent.
pub(in crate::api) fn string<'a>(
    field: Field<'a>,
    place: &Place<'_>,
) -> Result<Option<Quoted<'a>>, Fault> {
    let Some(raw) = field else {
        return Ok(None);
    };
    Quoted::of(raw)
        .map(Some)
        .ok_or_else(|| place.wrong("a string"))
}

/// A string that must be there and say something.
pub(in crate::api) fn needed<'a>(field: Field<'a>, place: &Place<'_>) -> Result<Quoted<'a>, Fault> {
    string(field, place)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| place.missing())
}

/// True or false, or absent.
pub(in crate::api) fn flag(field: Field<'_>, place: &Place<'_>) -> Result<Option<bool>, Fault> {
    match field.map(RawValue::get) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(place.wrong("true or false")),
    }
}

/// An object whose fields `T` are all of type [`Field`].
pub(in crate::api) fn object<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    place: &Place<'_>,
) -> Result<T, Fault> {
    let read = serde_json::from_str::<Map<T>>(raw.get());
    read.map(|Map(fields)| fields)
        .map_err(|_| place.wrong("an object"))
}

/// A list of objects whose fields `T` are all of type [`Field`]; absent is empty. `index`: of a text that it
/// stands in.
pub(in crate::api) fn list<'a, T: Deserialize<'a>>(
    index: Option<&Index<'a>>,
    text: Option<&'a str>,
    place: &Place<'_>,
) -> Result<Vec<Map<T>>, Fault> {
    let Some(text) = text.filter(|text| *text != "null") else {
        return Ok(Vec::new());
    };
    let read = match index {
        Some(index) => index.read(text),
        None => serde_json::from_str(text),
    };
    read.map_err(|_| {
        let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let bad = items.iter().position(|item| !item.get().starts_with('{'));
        bad.map_or_else(
            || place.wrong("a list"),
            |index| place.index(index).wrong("an object"),
        )
    })
}

/// Fields read from an object only; derived readers would take a list as well.
#[derive(Debug)]
pub(in crate::api) struct Map<T>(pub(in crate::api) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Map<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Map<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Map)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// An object inside of another, read along with it: its text is looked at once.
#[derive(Debug, Default)]
pub(in crate::api) enum Inner<T> {
    /// Absent or `null`.
    #[default]
    Absent,
    Fields(T),
    /// Something else than an object.
    Other,
}

impl<T> Inner<T> {
    /// The fields of an object that must be there.
    pub(in crate::api) fn needed(&self, place: &Place<'_>) -> Result<&T, Fault> {
        match self {
            Self::Absent => Err(place.missing()),
            Self::Fields(fields) => Ok(fields),
            Self::Other => Err(place.wrong("an object")),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Inner<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Look<T> {
            type Value = Inner<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Inner<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Inner::Fields)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Inner<T>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Inner::Other)
            }
            fn visit_unit<E>(self) -> Result<Inner<T>, E> {
                Ok(Inner::Absent)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Inner<T>, E> {
                Ok(Inner::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Inner<T>, E> {
                Ok(Inner::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Inner<T>, E> {
                Ok(Inner::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Inner<T>, E> {
                Ok(Inner::Other)
            }
            fn visit_str<E>(self, _: &str) -> Result<Inner<T>, E> {
                Ok(Inner::Other)
            }
        }
        deserializer.deserialize_any(Look(PhantomData))
    }
}
