use super::*;

fn fit_text(text: &str) -> (String, bool) {
    let raw: &RawValue = serde_json::from_str(text).unwrap();
    let fitted = fit(raw);
    (fitted.schema.get().to_owned(), fitted.loosened)
}

#[test]
fn each_keyword_finds_its_counterpart() {
    let cases = [
        (
            r#"{"$schema":"x","type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer","minimum":0}},"required":["a","z"],"additionalProperties":false}"#,
            r#"{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer","minimum":0}},"required":["a"],"additionalProperties":false}"#,
            false,
        ),
        (
            r#"{"type":["string","null"]}"#,
            r#"{"type":["string","null"]}"#,
            false,
        ),
        (
            r#"{"type":"STRING","nullable":true}"#,
            r#"{"type":["string","null"]}"#,
            false,
        ),
        (r#"{"type":["string"]}"#, r#"{"type":"string"}"#, false),
        (
            r#"{"type":["string","number","null"],"description":"d"}"#,
            r#"{"description":"d","anyOf":[{"type":"string"},{"type":"number"},{"type":"null"}]}"#,
            false,
        ),
        (
            r#"{"const":"a"}"#,
            r#"{"type":"string","enum":["a"]}"#,
            false,
        ),
        (r#"{"const":1.50}"#, r#"{"enum":[1.50]}"#, false),
        (r#"{"const":true}"#, r#"{"type":"boolean"}"#, true),
        (r#"{"const":null}"#, r#"{"type":"null"}"#, false),
        (
            r#"{"type":"string","enum":["a",null]}"#,
            r#"{"type":["string","null"],"enum":["a"]}"#,
            false,
        ),
        (
            r#"{"oneOf":[{"type":"string"},{"const":2}]}"#,
            r#"{"anyOf":[{"type":"string"},{"enum":[2]}]}"#,
            false,
        ),
        (
            r#"{"type":"integer","exclusiveMinimum":0,"multipleOf":2}"#,
            r#"{"type":"integer","minimum":0}"#,
            true,
        ),
        (
            r#"{"type":"array","items":[{"type":"string"},true],"uniqueItems":true}"#,
            r#"{"type":"array","prefixItems":[{"type":"string"},{}]}"#,
            true,
        ),
        (
            r#"{"allOf":[{"type":"object","properties":{"a":{}},"required":["a"]},{"properties":{"b":{}},"required":["b"]}],"description":"d"}"#,
            r#"{"description":"d","type":"object","properties":{"a":{},"b":{}},"required":["a","b"]}"#,
            false,
        ),
        (
            r#"{"type":"object","additionalProperties":{"type":"string","default":null}}"#,
            r#"{"type":"object","additionalProperties":{"type":"string"}}"#,
            false,
        ),
    ];
    for (text, want, loosened) in cases {
        assert_eq!(fit_text(text), (want.to_owned(), loosened), "{text}");
    }
}

#[test]
fn references_are_written_out() {
    let cases = [
        (
            r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/A","description":"mine"},"b":{"$ref":"#/properties/a"}},"$defs":{"A":{"type":"string","description":"its"}}}"##,
            r#"{"type":"object","properties":{"a":{"type":"string","description":"mine"},"b":{"type":"string","description":"mine"}}}"#,
            false,
        ),
        (
            r##"{"$ref":"#/definitions/A","definitions":{"A":{"type":"array","items":{"$ref":"#/definitions/B"}},"B":{"type":"integer"}}}"##,
            r#"{"type":"array","items":{"type":"integer"}}"#,
            false,
        ),
        (
            r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/None","type":"string"},"b":{"$ref":"http://x"}}}"##,
            r#"{"type":"object","properties":{"a":{"type":"string"},"b":{}}}"#,
            true,
        ),
        (
            r##"{"$ref":"#/$defs/Node","$defs":{"Node":{"type":"object","properties":{"next":{"$ref":"#/$defs/Node"}}}}}"##,
            r#"{"type":"object","properties":{"next":{"type":"object"}}}"#,
            true,
        ),
    ];
    for (text, want, loosened) in cases {
        assert_eq!(fit_text(text), (want.to_owned(), loosened), "{text}");
    }
}

#[test]
fn references_that_explode_are_cut() {
    // Each definition holds the next one twice: 2^40 in all.
    let mut definitions = vec![r#""D40":{"type":"string"}"#.to_owned()];
    for n in 0..40 {
        let next = n + 1;
        definitions.push(format!(
            r##""D{n}":{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/D{next}"}},"b":{{"$ref":"#/$defs/D{next}"}}}}}}"##
        ));
    }
    let text = format!(
        r##"{{"$ref":"#/$defs/D0","$defs":{{{}}}}}"##,
        definitions.join(",")
    );
    let (schema, loosened) = fit_text(&text);
    assert!(loosened);
    assert!(
        schema.len() <= 2 * (text.len() + MAX_GROWTH),
        "{}",
        schema.len()
    );
}

#[test]
fn what_references_read_and_write_is_bounded_for_all_schemas_together() {
    let fit = |schema: &str, budget: &mut Budget| {
        fit_parameters(serde_json::from_str(schema).unwrap(), budget).loosened
    };
    let wide = r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string"}}}"##;
    let mut budget = Budget::default();
    assert!(!fit(wide, &mut budget));
    assert!(budget.read < MAX_READ, "reading is paid for");
    budget.read = 10;
    assert!(fit(wide, &mut budget));
    // Each writes a long text sixteen times.
    let long = "x".repeat(10_000);
    let each = [r##"{"$ref":"#/$defs/a"}"##; 16].join(",");
    let long = format!(
        r#"{{"type":"object","properties":{{"a":{{"anyOf":[{each}]}}}},"$defs":{{"a":{{"description":"{long}"}}}}}}"#
    );
    let mut budget = Budget::default();
    assert!(!fit(&long, &mut budget));
    assert!(fit(&long, &mut budget));
    assert_eq!(budget.growth, 0);
}

#[test]
fn branches_say_together_what_each_says_in_its_order() {
    let (schema, loosened) = fit_text(
        r#"{"properties":{"a":{"type":"string"}},"allOf":[
            {"properties":{"b":{"type":"number"},"a":{"type":"null"}},"required":["b"]},
            {"properties":{"a":{}},"required":["a"]},{"properties":{"c":{}}}]}"#,
    );
    assert!(!loosened);
    assert_eq!(
        schema,
        r#"{"required":["b","a"],"properties":{"a":{"type":"string"},"b":{"type":"number"},"c":{}}}"#
    );
}

#[test]
fn a_schema_may_have_as_many_fields_and_definitions_as_it_likes() {
    let names = |prefix: &str, value: &str| {
        let each = (0..3000).map(|n| format!(r#""{prefix}{n}":{value}"#));
        each.collect::<Vec<_>>().join(",")
    };
    let fields = names("a", r#"{"type":"string"}"#);
    let schema = format!(r#"{{"type":"object","properties":{{{fields}}}}}"#);
    assert_eq!(fit_text(&schema), (schema, false));
    // The last of the definitions, and a field that is pointed to.
    let referring = format!(
        r##"{{"type":"object","properties":{{"z":{{"$ref":"#/$defs/d2999"}},"y":{{"$ref":"#/properties/a2999"}},{fields}}},"$defs":{{{}}}}}"##,
        names("d", r#"{"type":"number"}"#)
    );
    let want = format!(
        r#"{{"type":"object","properties":{{"z":{{"type":"number"}},"y":{{"type":"string"}},{fields}}}}}"#
    );
    assert_eq!(fit_text(&referring), (want.clone(), false));
    let branches = format!(
        r#"{{"type":"object","properties":{{"z":{{"type":"number"}}}},"allOf":[{{"properties":{{"y":{{"type":"string"}}}}}},{{"properties":{{{fields}}}}}]}}"#
    );
    assert_eq!(fit_text(&branches), (want, false));
}

#[test]
fn arguments_are_an_object_and_none_at_all_is_seen() {
    let fit = |text: &str| {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let fitted = fit_parameters(raw, &mut Budget::default());
        (fitted.schema.get().to_owned(), fitted.is_empty)
    };
    assert_eq!(
        fit(r#"{"properties":{"a":{}}}"#),
        (r#"{"type":"object","properties":{"a":{}}}"#.into(), false)
    );
    for empty in [
        "{}",
        r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#,
    ] {
        assert!(fit(empty).1, "{empty}");
    }
    assert!(!fit(r#"{"type":"object","additionalProperties":true}"#).1);
}
