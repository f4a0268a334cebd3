//! Tools by OpenAI's published formula.
//! Source: OpenAI cookbook, "How to count tokens with tiktoken", section 7, read 2026-11. What it does not
//! speak of (objects inside objects, missing types) is counted in its spirit.

use super::walk::Walk;
use crate::json::{Object, Quoted};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Before the properties of a function, and for each of them.
const PROPERTIES: u64 = 3;
const PROPERTY: u64 = 3;

/// For each value of an enumeration; the first is free.
const VALUE: u64 = 3;

/// How deep objects may stand in objects.
const MAX_DEPTH: u8 = 8;

type Field<'a> = Option<&'a RawValue>;

#[derive(Deserialize, Default)]
struct Tool<'a> {
    #[serde(borrow, default)]
    function: Field<'a>,
    #[serde(borrow, default)]
    name: Field<'a>,
    #[serde(borrow, default)]
    description: Field<'a>,
    #[serde(borrow, default)]
    parameters: Field<'a>,
    #[serde(borrow, default)]
    input_schema: Field<'a>,
}

#[derive(Deserialize, Default)]
struct Schema<'a> {
    #[serde(borrow, default)]
    r#type: Field<'a>,
    #[serde(borrow, default)]
    description: Field<'a>,
    #[serde(borrow, default)]
    r#enum: Field<'a>,
    #[serde(borrow, default)]
    properties: Field<'a>,
    #[serde(borrow, default)]
    items: Field<'a>,
    #[serde(borrow, default, rename = "$defs")]
    defs: Field<'a>,
}

/// Adds one tool.
pub(super) fn listed(walk: &mut Walk, raw: &RawValue) {
    let Some(mut tool) = read::<Tool<'_>>(raw) else {
        walk.found.tools += walk.count(raw.get());
        return;
    };
    if let Some(inner) = tool.function.and_then(read::<Tool<'_>>) {
        tool = inner;
    }
    if tool.name.is_none() {
        // The provider's own: its type is all there is.
        walk.found.tools += walk.count(raw.get());
        return;
    }
    let line = format!("{}:{}", text(tool.name), sentence(tool.description));
    walk.found.tools += walk.count(&line);
    if let Some(schema) = tool.parameters.or(tool.input_schema) {
        object(walk, schema, 0);
    }
}

fn object(walk: &mut Walk, raw: &RawValue, depth: u8) {
    let Some(schema) = read::<Schema<'_>>(raw).filter(|_| depth < MAX_DEPTH) else {
        return;
    };
    if let Some(list) = schema.defs.and_then(fields) {
        for (_, inner) in list.iter() {
            if let Ok(inner) = serde_json::from_str(inner.get()) {
                object(walk, inner, depth + 1);
            }
        }
    }
    let Some(list) = schema.properties.and_then(fields).filter(|f| !f.is_empty()) else {
        return;
    };
    walk.found.tools += PROPERTIES;
    for (name, inner) in list.iter() {
        let Ok(raw) = serde_json::from_str::<&RawValue>(inner.get()) else {
            continue;
        };
        property(walk, name, raw, depth);
    }
}

fn property(walk: &mut Walk, name: &str, raw: &RawValue, depth: u8) {
    let schema = read::<Schema<'_>>(raw).unwrap_or_default();
    walk.found.tools += PROPERTY;
    let values: Vec<&RawValue> = schema
        .r#enum
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    for value in &values {
        walk.found.tools += VALUE + walk.count(&text(Some(value)));
    }
    if schema.r#enum.is_some() {
        walk.found.tools = walk.found.tools.saturating_sub(VALUE);
    }
    let line = format!(
        "{name}:{}:{}",
        text(schema.r#type),
        sentence(schema.description)
    );
    walk.found.tools += walk.count(&line);
    if schema.properties.is_some() {
        object(walk, raw, depth + 1);
    }
    if let Some(items) = schema.items {
        object(walk, items, depth + 1);
    }
}

/// A string's text; of anything else, its JSON.
fn text(field: Field<'_>) -> String {
    match field {
        None => String::new(),
        Some(raw) => {
            Quoted::of(raw).map_or_else(|| raw.get().to_owned(), |t| t.text().into_owned())
        }
    }
}

/// A text without the full stop at its end.
fn sentence(field: Field<'_>) -> String {
    let mut text = text(field);
    if text.ends_with('.') {
        text.pop();
    }
    text
}

fn fields(raw: &RawValue) -> Option<Object<'_>> {
    Object::parse_map(raw.get()).ok()
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}
