//! OpenAI's Responses API as a client speaks it, for providers that do not.
//!
//! In: [`read`] turns a request into a chat request (`request`, the conversation in `items`, the tools
//! in `tools`). Out: [`Writer`] writes a whole answer or a stream from the same state, [`Echo`] what
//! a response repeats of its request. Where the provider speaks this API itself, bytes pass and
//! [`look`] and [`look_whole`] watch them.
//!
//! Nothing is stored here: a response says `store: false`, and what would need a store is refused.
//! Source: OpenAI API reference, "Responses", "Streaming events", and the types of the official Python
//! SDK 3.52; read 2026-11.

mod echo;
mod events;
mod items;
mod look;
mod output;
mod own;
mod request;
mod tools;
mod wire;
mod writer;

pub use echo::Echo;
pub use events::error_event;
pub use look::{look, look_whole};
pub use own::without_sealed;
pub use request::read;
pub use writer::Writer;

use crate::fault::{Fault, FaultKind};

/// Something that only OpenAI's own service can do.
fn only_openai(place: impl std::fmt::Display, why: &str) -> Fault {
    let message = format!("`{place}` {why}");
    Fault::new(FaultKind::Unsupported, message).at(place)
}
