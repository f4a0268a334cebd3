//! What an answer may say besides data that is found by its form: links that would carry data away, the words of
//! the system prompt, more than so much.

pub mod echo;
pub mod links;
