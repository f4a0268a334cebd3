//! Makes a JSON schema fit for `parametersJsonSchema` and `responseJsonSchema`.
//!
//! These take JSON Schema, but not all of it: references break on siblings and on cycles, several
//! keywords are unknown, and models refuse what they take for nonsense. So references are written out
//! (bounded in depth and size, cycles cut), `allOf` is merged, `oneOf` is `anyOf`, a `const` is an `enum`
//! of one, several types are `anyOf`; what has no counterpart is left out and listed. The order of the
//! fields, which is the order of the answer, stays.
//! Source: `GenerateContentConfig.response_json_schema` of google-genai 3.6 (the keywords, cycles, `$ref`
//! and its siblings); ai.google.dev, "Structured output: JSON schema support"; read 2026-11.

use super::joined::Joined;
use crate::json::{self, Object, Raw, Str};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// Deepest nesting of what is written; below stands `{}`, which allows anything.
const MAX_DEPTH: usize = 32;
/// Largest schema that is looked at; a larger one goes as it is. Units: bytes.
const MAX_BYTES: usize = 1 << 20;
/// How much larger references may make the schemas of a request. Units: bytes.
const MAX_GROWTH: usize = 256 << 10;
/// How much of them is read: what stands deeper is read once for each level above, and what is referred to once for
/// each reference. Units: bytes.
const MAX_READ: usize = 64 << 20;
/// Most references to other places than the definitions: each is looked up in the whole schema.
const MAX_PLACES: usize = 16;

/// Keywords that go as they are.
const KEPT: &[&str] = &[
    "title",
    "description",
    "format",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minProperties",
    "maxProperties",
    "default",
    "propertyOrdering",
];

/// Keywords that only talk about the schema: nobody misses them.
const SILENT: &[&str] = &[
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$defs",
    "$ref",
    "$vocabulary",
    "definitions",
    "id",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "nullable",
    "strict",
];

/// What the schemas of one request may still cost. Units: bytes.
#[derive(Debug)]
pub(super) struct Budget {
    growth: usize,
    read: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            growth: MAX_GROWTH,
            read: MAX_READ,
        }
    }
}

/// A schema that fits.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) schema: Box<RawValue>,
    /// It allows more than it did.
    pub(super) loosened: bool,
    /// It is an object without any field.
    pub(super) is_empty: bool,
}

/// Fits a schema.
pub(super) fn fit(schema: &RawValue) -> Fitted {
    fitted(schema, false, &mut Budget::default())
}

/// Fits the schema of a function's arguments, which are an object also where the schema forgets to say so.
pub(super) fn fit_parameters(schema: &RawValue, budget: &mut Budget) -> Fitted {
    fitted(schema, true, budget)
}

fn fitted(schema: &RawValue, object: bool, budget: &mut Budget) -> Fitted {
    let kept = || Fitted {
        schema: schema.to_owned(),
        loosened: false,
        is_empty: false,
    };
    let text = schema.get();
    let Some(root) = Object::parse(text).ok().filter(|_| text.len() <= MAX_BYTES) else {
        return kept();
    };
    let definitions = |key: &str| {
        let all = root.kept(key).and_then(|raw| Object::parse_map(raw).ok());
        let all = all.unwrap_or_default();
        let each = all.iter().filter_map(|(name, raw)| match raw {
            Raw::Kept(text) => Some((name.to_owned(), *text)),
            Raw::Made(_) => None,
        });
        each.collect()
    };
    let mut writer = Writer {
        root: text,
        definitions: ["$defs", "definitions"].map(definitions),
        places: BTreeMap::new(),
        open: Vec::new(),
        left: text.len() + budget.growth,
        read: budget.read,
        loosened: false,
    };
    let mut out = writer.object(&root, 0);
    *budget = Budget {
        growth: budget.growth.min(writer.left),
        read: writer.read,
    };
    if object && out.raw("type").is_none() {
        let mut typed = Object::default();
        typed.push("type".into(), made("\"object\""));
        for (key, raw) in out.iter() {
            typed.push(key.to_owned().into(), raw.clone());
        }
        out = typed;
    }
    let nothing = |key: &str, empty: &str| out.raw(key).is_none_or(|raw| raw.get() == empty);
    let is_empty = nothing("properties", "{}")
        && nothing("additionalProperties", "false")
        && out.raw("anyOf").is_none();
    let text = String::from_utf8(out.to_vec()).unwrap_or_default();
    match json::boxed(text) {
        Some(schema) => Fitted {
            schema,
            loosened: writer.loosened,
            is_empty,
        },
        None => kept(),
    }
}

struct Writer<'s> {
    root: &'s str,
    /// `$defs` and the older `definitions`.
    definitions: [BTreeMap<String, &'s str>; 2],
    /// What other references point to.
    places: BTreeMap<String, Option<&'s str>>,
    /// References that are being written out.
    open: Vec<String>,
    /// Units: bytes that may still be written.
    left: usize,
    /// Units: bytes that may still be read.
    read: usize,
    loosened: bool,
}

impl<'s> Writer<'s> {
    /// A schema anywhere below the root, as JSON text.
    fn schema(&mut self, text: &str, depth: usize) -> String {
        const ANYTHING: &str = "{}";
        match text.trim() {
            "true" => return ANYTHING.to_owned(),
            "false" => {
                self.loosened = true;
                return ANYTHING.to_owned();
            }
            _ => {}
        }
        let Some(object) = self.parse(text) else {
            self.loosened = true;
            return ANYTHING.to_owned();
        };
        let before = self.left;
        let out = String::from_utf8(self.object(&object, depth).to_vec()).unwrap_or_default();
        // What stands inside has been charged already.
        let inside = before.saturating_sub(self.left);
        match self.left.checked_sub(out.len().saturating_sub(inside)) {
            Some(left) => {
                self.left = left;
                out
            }
            None => {
                self.left = 0;
                self.loosened = true;
                ANYTHING.to_owned()
            }
        }
    }

    fn object(&mut self, source: &Object<'_>, depth: usize) -> Object<'static> {
        if depth > MAX_DEPTH || self.left == 0 {
            self.loosened = true;
            return Object::default();
        }
        match source.read::<Str<'_>>("$ref") {
            Ok(Some(reference)) => self.referred(source, &reference, depth),
            _ => self.plain(source, depth),
        }
    }

    /// What a reference points to, with what stands beside the reference in place of its own.
    fn referred(&mut self, source: &Object<'_>, reference: &str, depth: usize) -> Object<'static> {
        let beside = source.iter().filter(|(key, _)| *key != "$ref");
        let mut merged = Object::default();
        let target = self.find(reference).and_then(|text| self.parse(text));
        let cycle = self.open.iter().any(|open| open == reference);
        let Some(target) = target.filter(|_| !cycle) else {
            self.loosened = true;
            for (key, raw) in beside {
                merged.push(key.to_owned().into(), raw.clone());
            }
            // Only objects and lists can hold themselves, and an object is the likelier one.
            if cycle && merged.raw("type").is_none() {
                merged.push("type".into(), made("\"object\""));
            }
            return self.plain(&merged, depth);
        };
        for (key, raw) in target.iter() {
            let over = source.raw(key).filter(|_| key != "$ref").unwrap_or(raw);
            merged.push(key.to_owned().into(), over.clone());
        }
        for (key, raw) in beside.filter(|(key, _)| target.raw(key).is_none()) {
            merged.push(key.to_owned().into(), raw.clone());
        }
        self.open.push(reference.to_owned());
        let out = self.object(&merged, depth + 1);
        self.open.pop();
        out
    }

    /// Every reading of a text is paid for. `None`: it is no object, or nothing is left.
    fn parse<'t>(&mut self, text: &'t str) -> Option<Object<'t>> {
        self.pay(text)?;
        Object::parse(text).ok()
    }

    /// The same of an object whose keys are names.
    fn parse_map<'t>(&mut self, text: &'t str) -> Option<Object<'t>> {
        self.pay(text)?;
        Object::parse_map(text).ok()
    }

    fn pay(&mut self, text: &str) -> Option<()> {
        self.read = self.read.checked_sub(text.len())?;
        Some(())
    }

    /// A place in this schema: `#`, `#/$defs/Name`, `#/properties/a/items`.
    fn find(&mut self, reference: &str) -> Option<&'s str> {
        let pointer = reference.strip_prefix('#')?;
        let prefixes = ["/$defs/", "/definitions/"];
        for (prefix, definitions) in prefixes.iter().zip(&self.definitions) {
            let name = pointer.strip_prefix(prefix).filter(|n| !n.contains('/'));
            if let Some(name) = name {
                return definitions.get(&unescaped(name)).copied();
            }
        }
        if let Some(found) = self.places.get(pointer) {
            return *found;
        }
        if self.places.len() == MAX_PLACES {
            return None;
        }
        let mut at = Some(self.root);
        for step in pointer.split('/').skip(1) {
            at = at
                .filter(|text| self.pay(text).is_some())
                .and_then(|text| child(text, &unescaped(step)));
        }
        self.places.insert(pointer.to_owned(), at);
        at
    }

    fn plain(&mut self, source: &Object<'_>, depth: usize) -> Object<'static> {
        let mut out = Object::default();
        let mut types = Types::of(source);
        for (key, raw) in source.iter() {
            let raw = raw.get();
            match key {
                "type" => types.place(&mut out),
                "const" => self.list_of(&format!("[{raw}]"), &mut types, &mut out),
                "enum" => self.list_of(raw, &mut types, &mut out),
                "properties" => {
                    let value = self.each_field(raw, depth);
                    push(&mut out, key, value);
                }
                "items" if raw.starts_with('[') => {
                    let value = self.each_item(raw, depth);
                    push(&mut out, "prefixItems", value);
                }
                "items" if raw.starts_with('{') => {
                    let value = self.schema(raw, depth + 1);
                    push(&mut out, key, value);
                }
                "prefixItems" => {
                    let value = self.each_item(raw, depth);
                    push(&mut out, key, value);
                }
                "anyOf" | "oneOf" if out.raw("anyOf").is_none() => {
                    let value = self.each_item(raw, depth);
                    push(&mut out, "anyOf", value);
                }
                "additionalProperties" if raw.starts_with('{') => {
                    let value = self.schema(raw, depth + 1);
                    push(&mut out, key, value);
                }
                "additionalProperties" => push(&mut out, key, raw.to_owned()),
                "exclusiveMinimum" => self.bound(source, "minimum", raw, &mut out),
                "exclusiveMaximum" => self.bound(source, "maximum", raw, &mut out),
                "required" => push(&mut out, key, raw.to_owned()),
                // A default of null, as many generators write it, asks for nothing.
                "default" if raw == "null" => {}
                "allOf" => {}
                _ if KEPT.contains(&key) => push(&mut out, key, raw.to_owned()),
                _ if SILENT.contains(&key) || key.starts_with("x-") => {}
                _ => self.loosened = true,
            }
        }
        types.place(&mut out);
        if let Some(raw) = source.raw("allOf") {
            self.merge_all(raw.get(), depth, &mut out);
        }
        keep_required(&mut out);
        self.spread(&types, &mut out);
        out
    }

    /// A limit that may not be reached becomes one that may.
    fn bound(&mut self, source: &Object<'_>, key: &'static str, raw: &str, out: &mut Object<'_>) {
        self.loosened = true;
        // In older drafts it is true or false and speaks of the other one.
        let number = raw
            .bytes()
            .next()
            .is_some_and(|b| b == b'-' || b.is_ascii_digit());
        if number && source.raw(key).is_none() {
            push(out, key, raw.to_owned());
        }
    }

    /// An `enum` holds strings and numbers; null is a type.
    fn list_of(&mut self, raw: &str, types: &mut Types, out: &mut Object<'_>) {
        let values: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
        let mut kept: Vec<&str> = Vec::with_capacity(values.len());
        let mut truths = 0;
        for value in values.iter().map(|value| value.get()) {
            match value.bytes().next() {
                Some(b'"' | b'-' | b'0'..=b'9') => kept.push(value),
                Some(b'n') => types.nullable = true,
                Some(b't' | b'f') => truths += 1,
                _ => self.loosened = true,
            }
        }
        self.loosened |= truths == 1;
        if types.names.is_empty() {
            let strings = kept.iter().filter(|value| value.starts_with('"')).count();
            if truths > 0 && kept.is_empty() {
                types.names.push("boolean".to_owned());
            } else if strings == kept.len() && strings > 0 {
                types.names.push("string".to_owned());
            } else if kept.is_empty() && types.nullable {
                types.names.push("null".to_owned());
            }
        }
        types.place(out);
        if !kept.is_empty() && truths == 0 && out.raw("enum").is_none() {
            push(out, "enum", format!("[{}]", kept.join(",")));
        }
    }

    /// Adds what each branch says and this schema does not.
    fn merge_all(&mut self, raw: &str, depth: usize, out: &mut Object<'static>) {
        let branches: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
        let mut joined = Joined::default();
        for branch in branches {
            let text = self.schema(branch.get(), depth + 1);
            let branch = Object::parse(&text).unwrap_or_default();
            for (key, value) in branch.iter() {
                let value = value.get();
                let Some(own) = out.raw(key) else {
                    push(out, key, value.to_owned());
                    continue;
                };
                if joined.add(key, own.get(), value).is_some() {
                    // It keeps the place; what stands there is written once all of it is known.
                    out.remove(key);
                    push(out, key, String::new());
                } else {
                    let same = own.get() == value;
                    self.loosened |= !same && key != "title" && key != "description";
                }
            }
        }
        joined.write_to(out);
    }

    /// Several types beside null are one schema each.
    fn spread(&mut self, types: &Types, out: &mut Object<'static>) {
        let others = types.names.iter().filter(|name| *name != "null").count();
        if others < 2 {
            return;
        }
        out.remove("type");
        if out.raw("anyOf").is_some() {
            self.loosened = true;
            return;
        }
        let each = types.all().map(|name| format!(r#"{{"type":"{name}"}}"#));
        let each: Vec<_> = each.collect();
        push(out, "anyOf", format!("[{}]", each.join(",")));
    }

    fn each_field(&mut self, text: &str, depth: usize) -> String {
        let Some(source) = self.parse_map(text) else {
            self.loosened = true;
            return "{}".to_owned();
        };
        let mut out = Object::default();
        for (key, raw) in source.iter() {
            let value = self.schema(raw.get(), depth + 1);
            push(&mut out, key, value);
        }
        String::from_utf8(out.to_vec()).unwrap_or_default()
    }

    fn each_item(&mut self, text: &str, depth: usize) -> String {
        let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let items = items
            .into_iter()
            .map(|item| self.schema(item.get(), depth + 1));
        format!("[{}]", items.collect::<Vec<_>>().join(","))
    }
}

/// The types of one schema, known names only.
#[derive(Debug, Default)]
struct Types {
    names: Vec<String>,
    nullable: bool,
}

impl Types {
    fn of(source: &Object<'_>) -> Self {
        const KNOWN: &[&str] = &[
            "string", "number", "integer", "boolean", "array", "object", "null",
        ];
        let said = source.raw("type").map(Raw::get);
        let given: Option<Vec<String>> = match said.is_some_and(|said| said.starts_with('[')) {
            true => source.read("type").ok().flatten(),
            false => source.read("type").ok().flatten().map(|one| vec![one]),
        };
        let mut names: Vec<String> = Vec::new();
        // OpenAPI's upper case means the same.
        for name in given.into_iter().flatten() {
            let name = name.to_ascii_lowercase();
            if KNOWN.contains(&name.as_str()) && !names.contains(&name) {
                names.push(name);
            }
        }
        Self {
            names,
            nullable: source.read::<bool>("nullable").ok().flatten() == Some(true),
        }
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        let null = self.nullable && !self.names.iter().any(|name| name == "null");
        let names = self.names.iter().map(String::as_str);
        names.chain(null.then_some("null"))
    }

    /// Writes `type`, in place when it stands there already.
    fn place(&self, out: &mut Object<'_>) {
        let all: Vec<_> = self.all().collect();
        // Null alone is no type of ours to give: the rest is said elsewhere.
        if self.names.is_empty() {
            return;
        }
        // A string or a list of strings is always writable.
        let _ = match all.as_slice() {
            [one] => out.set("type", one),
            all => out.set("type", all),
        };
    }
}

/// A name that is required must be one of the properties.
fn keep_required(out: &mut Object<'static>) {
    let Some(raw) = out.raw("required") else {
        return;
    };
    let names: Vec<String> = serde_json::from_str(raw.get()).unwrap_or_default();
    let properties: BTreeMap<String, IgnoredAny> = out
        .read("properties")
        .unwrap_or_default()
        .unwrap_or_default();
    let known: Vec<_> = names
        .iter()
        .filter(|name| properties.contains_key(*name))
        .collect();
    if known.is_empty() {
        out.remove("required");
    } else if known.len() < names.len() {
        // A list of strings is always writable.
        let _ = out.set("required", &known);
    }
}

/// One step of a pointer. Source: RFC 6901.
fn child<'t>(text: &'t str, step: &str) -> Option<&'t str> {
    if let Ok(index) = step.parse::<usize>()
        && text.starts_with('[')
    {
        let items: Vec<&'t RawValue> = serde_json::from_str(text).ok()?;
        return items.get(index).map(|item| item.get());
    }
    match Object::parse_map(text).ok()?.remove(step)? {
        Raw::Kept(text) => Some(text),
        Raw::Made(_) => None,
    }
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn made(text: &str) -> Raw<'static> {
    Raw::Made(text.to_owned())
}

fn push(out: &mut Object<'_>, key: &str, value: String) {
    out.push(Cow::Owned(key.to_owned()), Raw::Made(value));
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
