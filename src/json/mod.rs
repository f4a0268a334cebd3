//! JSON as the gateway sees it: one level of ordered raw fields over borrowed text.
//!
//! Bodies are never turned into a tree: a field that nobody asks for keeps its bytes, its place
//! and its number formatting.

pub mod decimal;
mod ending;
mod index;
mod line;
mod list;
mod object;
mod passing;
mod plain;
mod quoted;
mod scan;
mod text;
mod tokens;
mod write;

pub use ending::Ending;
pub use index::{Index, Layout, boxed};
pub use line::one_line;
pub use list::each;
pub use object::{Object, Place, Raw};
pub use passing::Passing;
pub use quoted::Quoted;
pub use scan::{MAX_DEPTH, MAX_FIELDS, MAX_KEYS, MAX_OPENED, MAX_VALUES, Problem, is_crowded};
pub use text::Str;
pub use tokens::{Places, Token, meant, tokens};
#[cfg(test)]
pub(crate) use write::written;
pub use write::{Long, write};
