//! The languages that clients speak, and the one form in which answers travel between
//! a provider's dialect and a client's language.

pub mod answer;
pub mod chat;
pub mod client;
pub(crate) mod dropped;
pub mod embeddings;
pub mod messages;
pub mod models;
pub mod relay;
pub mod rerank;
pub mod responses;
pub mod schema;
pub(crate) mod thought;
pub mod watch;
pub mod writer;
