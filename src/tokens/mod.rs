//! Throwaway stand-in.
pub mod chat;
pub mod family;
pub mod image;
mod media;
mod tools;
mod walk;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    O200kBase,
    Cl100kBase,
}
impl Encoding {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "o200k_base" | "o200k_harmony" => Some(Self::O200kBase),
            "cl100k_base" => Some(Self::Cl100kBase),
            _ => None,
        }
    }
    pub fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
        }
    }
    pub fn count(self, text: &str) -> u64 {
        text.len().div_ceil(4) as u64
    }
}
#[derive(Debug, Clone)]
pub struct Running {
    bytes: usize,
}
impl Running {
    pub fn new(_: Encoding) -> Self {
        Self { bytes: 0 }
    }
    pub fn push(&mut self, text: &str) {
        self.bytes += text.len();
    }
    pub fn total(&self) -> u64 {
        self.bytes.div_ceil(4) as u64
    }
}
