//! What a bystander learns of an answer that passes in a client's own language.

use super::{
    answer::{Finish, Usage},
    chat::Choices,
};
use crate::json::Str;
use std::borrow::Cow;

/// What one event of a stream, or a whole answer, says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The model that answers.
    pub model: Option<Str<'a>>,
    /// Something in it is for the reader.
    pub content: bool,
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
