//! The branches of an `allOf` as one schema: each field and each name once, however many branches there are.

use crate::json::{Object, Raw};
use std::collections::BTreeSet;

/// What the branches of an `allOf` say together where one value can hold what several say.
#[derive(Debug, Default)]
pub(super) struct Joined {
    properties: Option<Once>,
    required: Option<Once>,
}

/// Names, each with its first value.
#[derive(Debug, Default)]
struct Once {
    seen: BTreeSet<String>,
    all: Vec<(String, String)>,
}

impl Joined {
    /// Adds `other` to what is there, which at first is `own`. `None`: the two cannot be joined.
    pub(super) fn add(&mut self, key: &str, own: &str, other: &str) -> Option<()> {
        let (slot, read): (_, fn(&str) -> Option<Named>) = match key {
            "properties" => (&mut self.properties, fields),
            "required" => (&mut self.required, names),
            _ => return None,
        };
        let other = read(other)?;
        let mut once = match slot.take() {
            Some(once) => once,
            None => Once::of(read(own)?),
        };
        once.add(other);
        *slot = Some(once);
        Some(())
    }

    /// Writes it where it stood.
    pub(super) fn write_to(self, out: &mut Object<'static>) {
        if let Some(once) = self.properties {
            let mut all = Object::default();
            for (name, value) in once.all {
                all.push(name.into(), Raw::Made(value));
            }
            out.put("properties", all.to_json());
        }
        if let Some(once) = self.required {
            let names: Vec<_> = once.all.iter().map(|(name, _)| name).collect();
            // A list of strings is always writable.
            let _ = out.set("required", &names);
        }
    }
}

type Named = Vec<(String, String)>;

fn fields(text: &str) -> Option<Named> {
    let fields = Object::parse_map(text).ok()?;
    let own = |(name, raw): (&str, &Raw<'_>)| (name.to_owned(), raw.get().to_owned());
    Some(fields.iter().map(own).collect())
}

fn names(text: &str) -> Option<Named> {
    let names: Vec<String> = serde_json::from_str(text).ok()?;
    Some(
        names
            .into_iter()
            .map(|name| (name, String::new()))
            .collect(),
    )
}

impl Once {
    fn of(all: Named) -> Self {
        let mut once = Self::default();
        once.add(all);
        once
    }

    fn add(&mut self, more: Named) {
        for (name, value) in more {
            if self.seen.insert(name.clone()) {
                self.all.push((name, value));
            }
        }
    }
}
