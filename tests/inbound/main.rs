//! What the readers of the client APIs besides Chat Completions make of requests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod bent;
mod messages;
mod reasoning;
mod responses;

use envoy_llm_gateway::{
    api::chat::{Chat, Extensions, Translated},
    fault::Fault,
    json::Object,
};
use serde_json::{Value, json};

const ALL: Extensions = Extensions::TRANSLATED;
const NONE: Extensions = Extensions::NONE;

type Read = fn(&Object<'_>, &str, Extensions) -> Result<Translated, Fault>;

fn read(api: Read, body: &Value, takes: Extensions) -> Result<(Value, Vec<String>), String> {
    let text = body.to_string();
    let made = api(&Object::parse(&text).unwrap(), "m", takes).map_err(|fault| {
        assert_eq!(fault.status(), 400);
        fault.message.into_owned()
    })?;
    Chat::parse(&made.body).unwrap_or_else(|fault| panic!("{fault}"));
    let mut chat: Value = serde_json::from_slice(&made.body).unwrap();
    assert_eq!(
        chat.as_object_mut().unwrap().remove("model"),
        Some(json!("m"))
    );
    Ok((chat, made.dropped))
}
