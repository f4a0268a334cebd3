//! The languages that clients speak, and the one form in which answers travel between
//! a provider's dialect and a client's language.

pub mod answer;
pub mod chat;
pub mod embeddings;
pub mod models;
pub mod rerank;
