//! What a bystander learns of an answer that passes in a client's own language.

use super::{
    answer::{Finish, Usage},
    chat::Choices,
};
use crate::json::Str;
use std::borrow::Cow;

/// Of what kind a piece of an answer is: pieces of different kinds are tokens of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Visible text, or that of a refusal.
    Text,
    /// Reasoning.
    Thought,
    /// A call's name and input.
    Call,
}

/// A piece of an answer, as far as its length goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// Which choice or block it belongs to.
    pub choice: u32,
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: Str<'a>,
}

/// What one event of a stream, or a whole answer, says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The model that answers.
    pub model: Option<Str<'a>>,
    /// Something in it is for the reader.
    pub content: bool,
    /// What is said in it, where it streams.
    pub said: Vec<Said<'a>>,
    /// Why the answer ended.
    pub finish: Option<Finish>,
    /// The choices of a chunk of OpenAI's.
    pub choices: Choices,
    /// The usage known so far.
    pub usage: Option<Usage>,
    /// The answer is complete.
    pub done: bool,
    /// It is the provider's error: JSON text in the form in which its dialect reads errors.
    pub error: Option<Cow<'a, str>>,
}
