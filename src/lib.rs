//! An LLM gateway as one Envoy filter.

pub mod api;
pub mod attempt;
pub mod config;
pub mod fault;
pub mod frame;
pub mod gateway;
pub mod host;
pub mod json;
pub mod log;
pub mod plan;
pub mod provider;
