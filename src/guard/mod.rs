//! What may be in the texts of a request and of its answer, and what is done about it.
//!
//! A [`Scan`] finds; the rules decide; edits put a placeholder, a hash or nothing in the place of what was found.
//! A text may come in pieces: a scan says up to where no later piece can change what it has found, and only
//! what follows is held back.

pub mod answer;
pub mod arguments;
pub mod back;
pub mod channel;
pub mod document;
pub mod edit;
pub mod external;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::string_slice)]
pub(crate) mod fake;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod fake_keys;
pub mod injection;
pub mod policy;
pub mod request;
pub mod rules;
pub mod scan;
pub mod vault;

/// Something in a text that a rule may act upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Find {
    /// Where it begins, in bytes of the text that was given.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// What it is: its place in [`Scan::kinds`].
    pub kind: u16,
    /// How sure that is, in hundredths: 100 where a checksum holds.
    pub score: u8,
}

/// How many bytes before a text can matter for what is found in it: words that give a number its meaning.
pub const LOOK_BEHIND: usize = 256;

/// Finds things in texts. It remembers nothing: who gives a text in pieces gives, each time, what is not
/// decided yet, after [`LOOK_BEHIND`] bytes of what is.
pub trait Scan {
    /// The names of what it finds, e.g. `EMAIL_ADDRESS`.
    fn kinds(&self) -> &[String];

    /// Finds what begins at or after `from`; what stands before `from` is only looked at. With `last` nothing
    /// follows this text. Finds come in the order of their starts and may overlap.
    ///
    /// The answer is up to where everything is decided, at least `from`: whatever follows, a scan of the whole finds the same
    /// things that begin before it, and none of those ends after it. With `last` it is the text's length.
    fn scan(&self, text: &str, from: usize, last: bool, finds: &mut Vec<Find>) -> usize;
}
