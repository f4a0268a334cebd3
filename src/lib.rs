//! An LLM gateway as one Envoy filter.

pub mod api;
pub mod config;
pub mod fault;
pub mod frame;
pub mod host;
pub mod json;
pub mod provider;
