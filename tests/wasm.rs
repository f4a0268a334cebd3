//! The filter's own code as wasm32, run by Node: what holds on the host holds in 32 bits too.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs)]

use envoy_llm_gateway::{frame::sse::Splitter, json::Object};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn a_changed_body_keeps_the_bytes_of_its_other_fields() {
    let source = r#"{"big":9007199254740993,"model":"a","price":1.10}"#;
    let mut body = Object::parse(source).unwrap();
    body.set("model", "b").unwrap();
    assert_eq!(
        String::from_utf8(body.to_vec()).unwrap(),
        r#"{"big":9007199254740993,"model":"b","price":1.10}"#
    );
}

#[wasm_bindgen_test]
fn a_length_beyond_32_bits_is_refused_not_wrapped() {
    let body = Object::parse(r#"{"max_tokens":4294967297}"#).unwrap();
    assert!(body.read::<usize>("max_tokens").is_err());
    assert_eq!(body.read::<u64>("max_tokens").unwrap(), Some(4_294_967_297));
}

#[wasm_bindgen_test]
fn an_event_cut_inside_a_character_arrives_whole() {
    let bytes = "data: \u{e9}\n\n".as_bytes();
    let (mut splitter, mut seen) = (Splitter::new(64), Vec::new());
    let (head, tail) = bytes.split_at(7);
    for piece in [head, tail] {
        splitter
            .push(piece, |event| {
                seen.extend(event.data.map(|data| data.into_owned()))
            })
            .unwrap();
    }
    assert_eq!(seen, ["\u{e9}"]);
}
