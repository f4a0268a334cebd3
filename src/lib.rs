//! An LLM gateway as one Envoy filter: the OpenAI API in front, any provider behind.
//!
//! One binary, two roles, chosen by the plugin's configuration ([`config`]). A request's life, in
//! order:
//!
//! | step | where | in Envoy |
//! |---|---|---|
//! | who asks, for what, is it well formed | [`gateway`] | listener filter, once |
//! | what must not leave, and how many tokens it is | [`guard`], [`tokens`] | the same filter |
//! | which attempts, in which order | [`plan`] | metadata that the router's retries follow |
//! | from the client's original to this provider's request | [`attempt`], [`provider`] | cluster filter, once per attempt |
//! | the provider's key | | `credential_injector`, after this filter |
//! | is this the answer, or does the next attempt begin | [`attempt`] | a retriable `:status` |
//! | from the provider's answer to the client's | [`provider`] drives, [`api`] writes | the same filter, on the way back |
//! | one error when every attempt has failed | [`gateway`] | listener filter |
//! | the record | [`log`] | filter state, read by access log, stats and traces |
//!
//! Beside it: [`catalogue`], what models cost, hold and can.
//!
//! What they all stand on: [`json`] (bodies as ordered raw fields), [`frame`] (bytes to events),
//! [`fault`] (what a client is told), [`host`] (the only door to Envoy; everything else runs on any
//! machine and is tested there).

pub mod api;
pub mod attempt;
pub mod catalogue;
pub mod config;
pub mod fault;
pub mod frame;
pub mod gateway;
pub mod guard;
pub mod host;
pub mod json;
pub mod log;
pub mod plan;
pub mod provider;
pub mod tokens;
