//! From bytes to events, whatever the chunking. Knows framing; knows no provider.

pub mod sse;
