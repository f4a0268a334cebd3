//! Whether a JSON value fits a JSON schema, as far as the schemas of structured output go.
//!
//! Known are `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `prefixItems`, `anyOf`, `oneOf`,
//! `allOf`, `not`, references into the schema itself, and the bounds of numbers, lengths and counts. Everything else is taken as fitting:
//! a check that does not know a word must not refuse an answer for it.
//! Source: JSON Schema, draft 2020-12, "Core" and "Validation"; general knowledge, not confirmed.

use serde_json::{Map, Value};

/// Schemas and values inside each other, references included.
const MAX_DEPTH: usize = 128;
/// Comparisons for one answer; what needs more is taken as fitting.
const MAX_STEPS: usize = 200_000;
/// Bytes of a text that are looked at in the time of one comparison.
const BYTES_OF_A_STEP: usize = 256;
/// Most items of a list that are compared with each other.
const MAX_UNIQUE: usize = 512;
/// Longest place that is named. Units: bytes.
const MAX_PLACE_BYTES: usize = 200;

/// What does not fit. It names no value of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where, as a JSON pointer.
    pub at: String,
    /// The word of the schema that it does not fit.
    pub word: &'static str,
}

/// Checks a value.
///
/// Errors: the first thing that does not fit.
pub fn check(schema: &Value, value: &Value) -> Result<(), Misfit> {
    let mut checks = Checks {
        root: schema,
        steps: 0,
        place: String::new(),
    };
    match checks.fits(schema, value, 0) {
        Ok(()) | Err(Stop::TooMuch) => Ok(()),
        Err(Stop::Misfit(word)) => Err(Misfit {
            at: checks.place,
            word,
        }),
    }
}

enum Stop {
    Misfit(&'static str),
    TooMuch,
}

struct Checks<'s> {
    root: &'s Value,
    steps: usize,
    /// Where the first misfit is.
    place: String,
}

type Fits = Result<(), Stop>;

fn must(fits: bool, word: &'static str) -> Fits {
    if fits {
        Ok(())
    } else {
        Err(Stop::Misfit(word))
    }
}

impl<'s> Checks<'s> {
    fn fits(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Fits {
        self.spend(1)?;
        if depth > MAX_DEPTH {
            return Err(Stop::TooMuch);
        }
        let schema = match schema {
            Value::Bool(fits) => return must(*fits, "false"),
            Value::Object(schema) => schema,
            _ => return Ok(()),
        };
        if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
            self.spend(to.len() / BYTES_OF_A_STEP)?;
            let target = to.strip_prefix('#').and_then(|to| self.root.pointer(to));
            if let Some(target) = target {
                self.fits(target, value, depth + 1)?;
            }
        }
        if let Some(kinds) = schema.get("type") {
            self.spend(kinds.as_array().map_or(0, Vec::len))?;
            must(is_of(kinds, value), "type")?;
        }
        if let Some(one) = schema.get("const") {
            must(self.same(one, value)?, "const")?;
        }
        if let Some(all) = schema.get("enum").and_then(Value::as_array) {
            must(self.is_among(value, all)?, "enum")?;
        }
        match value {
            Value::Object(map) => self.object(schema, map, depth)?,
            Value::Array(list) => self.list(schema, list, depth)?,
            Value::String(text) => {
                self.spend(text.len() / BYTES_OF_A_STEP)?;
                let within = |key, fits: fn(usize, usize) -> bool| {
                    size(schema, key).is_none_or(|bound| fits(text.chars().count(), bound))
                };
                must(within("minLength", |is, least| is >= least), "minLength")?;
                must(within("maxLength", |is, most| is <= most), "maxLength")?;
            }
            Value::Number(_) => number(schema, value)?,
            Value::Null | Value::Bool(_) => {}
        }
        self.combined(schema, value, depth)
    }

    fn combined(&mut self, schema: &'s Map<String, Value>, value: &Value, depth: usize) -> Fits {
        for one in list(schema, "allOf") {
            self.fits(one, value, depth + 1)?;
        }
        for (word, least, most) in [("anyOf", 1, usize::MAX), ("oneOf", 1, 1)] {
            let all = list(schema, word);
            if all.is_empty() {
                continue;
            }
            let mut fitting = 0;
            for one in all {
                let place = self.place.clone();
                match self.fits(one, value, depth + 1) {
                    Ok(()) => fitting += 1,
                    Err(Stop::Misfit(_)) => self.place = place,
                    Err(stop) => return Err(stop),
                }
                if most == usize::MAX && fitting > 0 {
                    break;
                }
            }
            must((least..=most).contains(&fitting), word)?;
        }
        if let Some(other) = schema.get("not") {
            let place = self.place.clone();
            match self.fits(other, value, depth + 1) {
                Ok(()) => return Err(Stop::Misfit("not")),
                Err(Stop::Misfit(_)) => self.place = place,
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        schema: &'s Map<String, Value>,
        map: &Map<String, Value>,
        depth: usize,
    ) -> Fits {
        let required = list(schema, "required");
        self.spend(required.len() + map.len())?;
        for key in required.iter().filter_map(Value::as_str) {
            must(map.contains_key(key), "required")?;
        }
        let within = |key, fits: fn(usize, usize) -> bool| {
            size(schema, key).is_none_or(|bound| fits(map.len(), bound))
        };
        must(
            within("minProperties", |is, least| is >= least),
            "minProperties",
        )?;
        must(
            within("maxProperties", |is, most| is <= most),
            "maxProperties",
        )?;
        let properties = schema.get("properties").and_then(Value::as_object);
        // Which keys patterns cover is not known here.
        let patterns = schema.contains_key("patternProperties");
        let others = schema.get("additionalProperties").filter(|_| !patterns);
        for (key, value) in map {
            let known = properties.and_then(|properties| properties.get(key));
            match (known, others) {
                (Some(schema), _) => self.within(key, schema, value, depth)?,
                (None, Some(Value::Bool(false))) => {
                    return Err(Stop::Misfit("additionalProperties"));
                }
                (None, Some(schema)) => self.within(key, schema, value, depth)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn list(&mut self, schema: &'s Map<String, Value>, items: &[Value], depth: usize) -> Fits {
        let within = |key, fits: fn(usize, usize) -> bool| {
            size(schema, key).is_none_or(|bound| fits(items.len(), bound))
        };
        must(within("minItems", |is, least| is >= least), "minItems")?;
        must(within("maxItems", |is, most| is <= most), "maxItems")?;
        self.spend(items.len())?;
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && items.len() <= MAX_UNIQUE {
            for (place, item) in items.iter().enumerate() {
                let before = items.get(..place).unwrap_or_default();
                must(!self.is_among(item, before)?, "uniqueItems")?;
            }
        }
        let first = list(schema, "prefixItems");
        let rest = schema.get("items").filter(|rest| !rest.is_array());
        for (place, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(place).or(rest) {
                self.within(&place.to_string(), schema, item, depth)?;
            }
        }
        Ok(())
    }

    fn spend(&mut self, steps: usize) -> Fits {
        self.steps = self.steps.saturating_add(steps);
        match self.steps > MAX_STEPS {
            true => Err(Stop::TooMuch),
            false => Ok(()),
        }
    }

    fn is_among(&mut self, value: &Value, all: &[Value]) -> Result<bool, Stop> {
        for one in all {
            if self.same(one, value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether two values are the same; numbers by what they are, not by how they are written.
    fn same(&mut self, one: &Value, other: &Value) -> Result<bool, Stop> {
        self.spend(1)?;
        Ok(match (one, other) {
            (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
            (Value::String(a), Value::String(b)) if a.len() == b.len() => {
                self.spend(a.len() / BYTES_OF_A_STEP)?;
                a == b
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (a, b) in a.iter().zip(b) {
                    if !self.same(a, b)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
                for (key, a) in a {
                    let Some(b) = b.get(key) else {
                        return Ok(false);
                    };
                    if !self.same(a, b)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            _ => false,
        })
    }

    /// A part of a value; where a misfit is, is noted on the way back.
    fn within(&mut self, key: &str, schema: &'s Value, value: &Value, depth: usize) -> Fits {
        let fits = self.fits(schema, value, depth + 1);
        if matches!(fits, Err(Stop::Misfit(_))) && self.place.len() + key.len() < MAX_PLACE_BYTES {
            self.place = ["/", key, &self.place].concat();
        }
        fits
    }
}

fn list<'s>(schema: &'s Map<String, Value>, key: &str) -> &'s [Value] {
    let list = schema.get(key).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

fn size(schema: &Map<String, Value>, key: &str) -> Option<usize> {
    usize::try_from(schema.get(key)?.as_u64()?).ok()
}

fn is_of(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match (kind.as_str(), value) {
        (Some("object"), value) => value.is_object(),
        (Some("array"), value) => value.is_array(),
        (Some("string"), value) => value.is_string(),
        (Some("boolean"), value) => value.is_boolean(),
        (Some("null"), value) => value.is_null(),
        (Some("number"), value) => value.is_number(),
        (Some("integer"), Value::Number(number)) => {
            let whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
            number.is_i64() || number.is_u64() || whole
        }
        (Some("integer"), _) => false,
        // A type that nobody has told of.
        _ => true,
    };
    match kinds {
        Value::Array(kinds) => kinds.iter().any(is),
        kind => is(kind),
    }
}

fn number(schema: &Map<String, Value>, value: &Value) -> Fits {
    let Some(number) = value.as_f64() else {
        return Ok(());
    };
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    must(
        bound("minimum").is_none_or(|least| number >= least),
        "minimum",
    )?;
    must(
        bound("maximum").is_none_or(|most| number <= most),
        "maximum",
    )?;
    let above = bound("exclusiveMinimum").is_none_or(|least| number > least);
    must(above, "exclusiveMinimum")?;
    let below = bound("exclusiveMaximum").is_none_or(|most| number < most);
    must(below, "exclusiveMaximum")?;
    let step = schema.get("multipleOf").and_then(Value::as_i64);
    match (step, value.as_i64()) {
        (Some(step @ 1..), Some(number)) => must(number % step == 0, "multipleOf"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn misfit(schema: Value, value: Value) -> Option<(String, &'static str)> {
        let checked = check(&schema, &value);
        checked.err().map(|misfit| (misfit.at, misfit.word))
    }

    fn at(place: &str, word: &'static str) -> Option<(String, &'static str)> {
        Some((place.to_owned(), word))
    }

    #[test]
    fn what_is_compared_again_and_again_is_paid_for_by_its_size() {
        let text = json!("x".repeat(1 << 20));
        let list = json!(vec![1; 10_000]);
        for (word, value) in [
            (json!({"minLength": 2}), &text),
            (json!({"const": text}), &text),
            (json!({"enum": [list]}), &list),
            (json!({"required": vec!["a"; 10_000]}), &json!({"a": 1})),
            (json!({"maxItems": 20_000}), &list),
        ] {
            let all = vec![json!({"$ref": "#/$defs/a"}); 50_000];
            let schema = json!({"allOf": all, "$defs": {"a": word}});
            let mut checks = Checks {
                root: &schema,
                steps: 0,
                place: String::new(),
            };
            assert!(
                matches!(checks.fits(&schema, value, 0), Err(Stop::TooMuch)),
                "{word}"
            );
        }
    }

    #[test]
    fn an_object_fits_or_is_told_where_it_does_not() {
        let schema = json!({"type": "object", "required": ["name", "tags"], "additionalProperties": false,
            "properties": {"name": {"type": "string", "minLength": 1},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
                "age": {"type": ["integer", "null"], "minimum": 0}}});
        let of = |value: Value| misfit(schema.clone(), value);
        assert_eq!(of(json!({"name": "x", "tags": ["a"], "age": 3.0})), None);
        assert_eq!(of(json!({"name": "x", "tags": [], "age": null})), None);
        assert_eq!(of(json!({"name": "x"})), at("", "required"));
        assert_eq!(
            of(json!({"name": "", "tags": []})),
            at("/name", "minLength")
        );
        assert_eq!(
            of(json!({"name": "x", "tags": ["a", "c"]})),
            at("/tags/1", "enum")
        );
        assert_eq!(
            of(json!({"name": "x", "tags": ["a", "a", "b"]})),
            at("/tags", "maxItems")
        );
        assert_eq!(
            of(json!({"name": "x", "tags": [], "age": 1.5})),
            at("/age", "type")
        );
        assert_eq!(
            of(json!({"name": "x", "tags": [], "age": -1})),
            at("/age", "minimum")
        );
        assert_eq!(
            of(json!({"name": "x", "tags": [], "b": 1})),
            at("", "additionalProperties")
        );
        assert_eq!(of(json!([])), at("", "type"));
    }

    #[test]
    fn combinations_and_references_are_followed() {
        let schema = json!({"$defs": {"node": {"type": "object", "required": ["v"],
            "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}},
            "$ref": "#/$defs/node"});
        assert_eq!(
            misfit(
                schema.clone(),
                json!({"v": 1, "next": {"v": 2, "next": null}})
            ),
            None
        );
        assert_eq!(
            misfit(schema, json!({"v": 1, "next": {"v": "2"}})),
            at("/next", "anyOf")
        );
        let one = json!({"oneOf": [{"type": "number"}, {"minimum": 3}]});
        assert_eq!(misfit(one.clone(), json!(2)), None);
        assert_eq!(misfit(one, json!(4)), at("", "oneOf"));
        assert_eq!(
            misfit(json!({"not": {"const": 1}}), json!(1.0)),
            at("", "not")
        );
        assert_eq!(
            misfit(json!({"allOf": [true, false]}), json!(1)),
            at("", "false")
        );
        let tuple = json!({"prefixItems": [{"type": "string"}], "items": false});
        assert_eq!(misfit(tuple.clone(), json!(["a"])), None);
        assert_eq!(misfit(tuple, json!(["a", 1])), at("/1", "false"));
        assert_eq!(
            misfit(json!({"uniqueItems": true}), json!([1, 1.0])),
            at("", "uniqueItems")
        );
        assert_eq!(
            misfit(json!({"multipleOf": 3}), json!(4)),
            at("", "multipleOf")
        );
    }

    #[test]
    fn what_is_not_known_or_too_much_fits() {
        for schema in [
            json!({"pattern": "^a$", "format": "date", "if": false}),
            json!({"$ref": "https://elsewhere.example/schema"}),
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
            json!({"type": "file"}),
            json!(7),
        ] {
            assert_eq!(misfit(schema, json!("b")), None);
        }
    }
}
