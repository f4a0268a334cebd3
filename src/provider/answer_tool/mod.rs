//! An answer that follows a schema, from models that only follow those of tools: the model is made to
//! call one tool whose input is the answer, and the client never sees that tool.
//!
//! Out: [`wrap()`] writes the request anew, before the dialect translates it. Back: [`Unwrapping`]
//! stands between the dialect and the client's writer.
//! That a tool's input may be the answer itself is the older advice of Anthropic's guides to tool use
//! (general knowledge, not confirmed by a page of 2026-11).

mod unwrap;
mod wrap;

pub use unwrap::{Unwrapped, Unwrapping};
pub(super) use wrap::{STRICT, wrap};
