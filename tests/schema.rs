//! `envoy/config.schema.json` says what the code does: the same keys, the same defaults.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper fails by panicking"
)]

use envoy_llm_gateway::{
    config::{self, Config, node::Reading},
    guard::scan::entities,
    provider::REGISTRY,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

type Keys = BTreeMap<String, BTreeSet<String>>;

fn schema() -> Value {
    serde_json::from_str(include_str!("../envoy/config.schema.json")).unwrap()
}

/// A schema with its `$ref` followed; what stands beside the reference wins.
fn resolved(schema: &Value, node: &Value) -> Value {
    let Some(target) = node["$ref"].as_str() else {
        return node.clone();
    };
    let target = schema.pointer(target.strip_prefix('#').unwrap()).unwrap();
    let mut out = resolved(schema, target);
    let beside = node.as_object().unwrap().clone();
    out.as_object_mut().unwrap().extend(beside);
    out
}

/// Gathers the property names of each object; items and free names are one `*` each.
fn walk(schema: &Value, node: &Value, path: &str, keys: &mut Keys) {
    let node = resolved(schema, node);
    if let Some(properties) = node["properties"].as_object() {
        for (key, child) in properties {
            keys.entry(path.into()).or_default().insert(key.clone());
            walk(schema, child, &format!("{path}.{key}"), keys);
        }
    }
    for inner in ["items", "additionalProperties"] {
        if node[inner].is_object() {
            walk(schema, &node[inner], &format!("{path}.*"), keys);
        }
    }
}

/// The schema of a role, for a provider with its dialect's own settings.
fn roles() -> Vec<(Value, Value)> {
    let mut roles = vec![(
        json!({"$ref": "#/$defs/gateway"}),
        json!({
            "role": "gateway",
            "models": {"m": {"targets": [{"provider": "p"}], "mirror": {"provider": "p", "percent": 1}}},
            "providers": {"p": {"dialect": "openai"}},
            "keys": [{"id": "k", "sha256": "0".repeat(64)}],
            "model_info": {"m": {
                "input_usd_per_million": 1, "above": [{"tokens": 1}], "batch": {}, "flex": {}, "priority": {},
            }},
            "passthrough": {},
            "rules": [{"name": "r", "use": "m", "when": {
                "max_tokens": {"above": 1}, "complexity": {"above": 1}, "input_tokens": {"above": 1},
            }}],
            "health": {},
            "guards": [
                {"name": "g", "detect": "PII", "action": "mask"},
                {"name": "c", "action": "block", "call": {"kind": "presidio", "cluster": "c"}},
            ],
        }),
    )];
    for entry in REGISTRY {
        let mut role = schema()["$defs"]["provider"].clone();
        let settings = schema()["$defs"][format!("settings-{}", entry.name)].clone();
        let own = settings["properties"].as_object().unwrap().clone();
        let mut value = json!({"role": "provider", "dialect": entry.name});
        for key in settings["required"].as_array().into_iter().flatten() {
            let key = key.as_str().unwrap();
            value[key] = own[key]["examples"][0].clone();
        }
        role["properties"].as_object_mut().unwrap().extend(own);
        roles.push((role, value));
    }
    roles
}

fn read(value: &Value) -> (Config, Keys) {
    let reading = Reading::default();
    let config = config::read(value.to_string().as_bytes(), REGISTRY, &reading);
    let keys = reading.known().into_iter();
    let keys = keys
        .map(|(path, keys)| (path, keys.into_iter().map(str::to_owned).collect()))
        .collect();
    (reading.into_result(config).unwrap(), keys)
}

#[test]
fn the_schema_has_the_keys_that_the_code_reads() {
    for (role, value) in roles() {
        let mut keys = Keys::new();
        walk(&schema(), &role, "$", &mut keys);
        assert_eq!(keys, read(&value).1, "{value}");
    }
}

#[test]
fn the_schema_has_the_defaults_of_the_code() {
    for (role, value) in roles() {
        let mut explicit = value.clone();
        fill(&schema(), &role, &mut explicit);
        assert_ne!(explicit, value);
        assert_eq!(
            format!("{:?}", read(&explicit).0),
            format!("{:?}", read(&value).0)
        );
    }
}

/// Writes every default that the schema knows into a value that lacks it.
fn fill(schema: &Value, node: &Value, value: &mut Value) {
    let node = resolved(schema, node);
    if let Some(properties) = node["properties"].as_object() {
        for (key, child) in properties {
            if let Some(default) = child.get("default").filter(|_| value.get(key).is_none()) {
                value[key] = default.clone();
            }
            if let Some(inner) = value.get_mut(key) {
                fill(schema, child, inner);
            }
        }
    }
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        _ => Vec::new(),
    };
    for value in inner {
        for child in ["items", "additionalProperties"] {
            if node[child].is_object() {
                fill(schema, &node[child], value);
            }
        }
    }
}

#[test]
fn the_schema_knows_every_dialect_its_base_path_and_its_settings() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap().iter();
    let found: BTreeMap<_, _> = definitions
        .filter_map(|(name, node)| {
            let base = node["properties"]["base_path"]["default"].as_str();
            Some((name.strip_prefix("settings-")?, base.unwrap()))
        })
        .collect();
    let entries = REGISTRY.iter().map(|entry| (entry.name, entry.base_path));
    assert_eq!(found, entries.collect());

    let names: Vec<_> = found.keys().collect();
    assert_eq!(schema["$defs"]["dialect"]["enum"], json!(names));
    let chosen: Vec<_> = names
        .iter()
        .map(|name| {
            json!({
                "if": {"properties": {"dialect": {"const": name}}},
                "then": {"$ref": format!("#/$defs/settings-{name}")},
            })
        })
        .collect();
    assert_eq!(schema["$defs"]["provider"]["allOf"], json!(chosen));
}

#[test]
fn a_gateway_can_name_every_dialect_without_its_settings() {
    for entry in REGISTRY {
        read(&json!({
            "role": "gateway",
            "models": {"m": {"targets": [{"provider": "p"}]}},
            "providers": {"p": {"dialect": entry.name}},
        }));
    }
}

#[test]
fn the_schema_knows_every_entity_and_no_other() {
    let names = schema()["$defs"]["entity"]["enum"].clone();
    let known: BTreeSet<_> = names
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    let missing = entities().filter(|entity| !known.contains(&format!("{:?}", entity.name)));
    assert_eq!(
        missing.map(|entity| entity.name).collect::<Vec<_>>(),
        [""; 0]
    );
    // An unknown one is refused.
    let (named, injection): (Vec<_>, Vec<_>) = names
        .as_array()
        .unwrap()
        .iter()
        .partition(|name| *name != "PROMPT_INJECTION");
    read(&json!({
        "role": "gateway",
        "models": {"m": {"targets": [{"provider": "p"}]}},
        "providers": {"p": {"dialect": "openai"}},
        "guards": [
            {"name": "a", "detect": named, "action": "mask"},
            {"name": "b", "detect": injection, "action": "block"},
        ],
    }));
}

#[test]
fn every_key_is_explained_and_has_an_example() {
    let schema = schema();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let empty = Vec::new();
        let required = definition["required"].as_array().unwrap_or(&empty);
        let properties = definition["properties"].as_object();
        for (key, node) in properties.into_iter().flatten() {
            let place = format!("{name}.{key}");
            assert!(node["title"].is_string(), "{place}");
            assert!(!node["examples"].as_array().unwrap().is_empty(), "{place}");
            // A default that is not one value is told in words.
            let told = node["description"].as_str().unwrap().contains("Absent: ");
            let ways = [
                required.contains(&json!(key)),
                node.get("default").is_some(),
                told,
            ];
            assert_eq!(ways.iter().filter(|way| **way).count(), 1, "{place}");
        }
    }
}

#[test]
fn the_examples_of_the_schema_are_good_configurations() {
    for role in ["gateway", "provider"] {
        for example in schema()["$defs"][role]["examples"].as_array().unwrap() {
            read(example);
        }
    }
}
