//! The same fixtures as `translate.rs`, as wasm32 under Node: what holds on the host must hold in
//! 32 bits. Cut at every byte is the host's part; here each answer comes whole and byte by byte.
#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{json::Object, provider::REGISTRY};
use support::fixtures;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn every_case_gives_exactly_what_its_folder_says() {
    for case in fixtures::all() {
        let want = case.expected();
        assert_eq!(case.run(&[]), want, "{}", case.name);
        assert_eq!(
            case.run(&case.all_cuts()),
            want,
            "{} byte by byte",
            case.name
        );
    }
}

#[wasm_bindgen_test]
fn every_dialect_is_among_the_embedded_fixtures() {
    let registry = REGISTRY.iter().map(|entry| entry.name.to_owned());
    assert_eq!(fixtures::dialects(), registry.collect());
}

#[wasm_bindgen_test]
fn a_number_beyond_32_bits_is_refused_not_wrapped() {
    let body = Object::parse(r#"{"max_tokens":4294967297}"#).unwrap();
    assert!(body.read::<usize>("max_tokens").is_err());
    assert_eq!(body.read::<u64>("max_tokens").unwrap(), Some(4_294_967_297));
}
