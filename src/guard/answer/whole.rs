//! A whole answer.

use super::{
    Comes, Form, Spot, look_whole,
    splice::{New, splice},
    text::Text,
};
use crate::{
    api::{client::Api, thought},
    guard::{arguments::push_quoted, channel::Rewrite},
};
use std::collections::BTreeMap;

/// Why an answer goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt<S> {
    /// A rule stops it.
    Stopped(S),
    /// It cannot be read.
    Unread,
}

/// What becomes of a whole answer; `None`: it passes as it is.
///
/// Errors: a rule stops it, or it cannot be read.
pub fn edited<E: Rewrite + ?Sized>(
    api: Api,
    body: &str,
    rewrite: &mut E,
) -> Result<Option<String>, Halt<E::Stop>> {
    let look = look_whole(api, body).ok_or(Halt::Unread)?;
    let mut news = Vec::new();
    if rewrite.hides() {
        for (old, new) in &look.tokens {
            news.push(New {
                old,
                new: (*new).to_owned(),
            });
        }
    }
    let (mut texts, lasts) = (BTreeMap::new(), look.lasts());
    for (place, spot) in look.spots.iter().enumerate() {
        let last = spot.comes != Comes::Piece || lasts.get(&spot.key) == Some(&place);
        rewrite.of(spot.key);
        rewrite.again(spot.key.what.repeats());
        let new = match spot.form {
            Form::Text | Form::Arguments if !last => {
                let text = texts.entry(spot.key).or_insert_with(|| spot.text());
                text.string(spot.raw, false, rewrite)
                    .map(|new| new.map(quoted))
            }
            _ => match texts.remove(&spot.key) {
                Some(mut text) => text
                    .string(spot.raw, true, rewrite)
                    .map(|new| new.map(quoted)),
                None => spot.whole(rewrite),
            },
        };
        rewrite.again(false);
        news.extend(
            new.map_err(Halt::Stopped)?
                .map(|new| New { old: spot.raw, new }),
        );
    }
    Ok((!news.is_empty()).then(|| splice(body, news)))
}

pub(super) fn quoted(text: String) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&text, &mut out);
    out
}

impl Spot<'_> {
    /// The text that begins here.
    pub(super) fn text(&self) -> Text {
        match self.form {
            Form::Text | Form::Sealed => Text::plain(),
            Form::Arguments | Form::Document => Text::arguments(),
        }
    }

    /// What stands in the place of a value that is a text of its own; `None`: the same.
    ///
    /// Errors: a rule stops it.
    pub(super) fn whole<E: Rewrite + ?Sized>(
        &self,
        rewrite: &mut E,
    ) -> Result<Option<String>, E::Stop> {
        match self.form {
            Form::Text | Form::Arguments => {
                let new = self.text().string(self.raw, true, rewrite)?;
                Ok(new.map(quoted))
            }
            Form::Document => {
                let mut out = String::with_capacity(self.raw.len());
                self.text().push(self.raw, true, rewrite, &mut out)?;
                Ok((out != self.raw).then_some(out))
            }
            Form::Sealed => {
                let sealed = serde_json::from_str::<String>(self.raw).ok();
                let Some(json) = sealed.as_deref().and_then(thought::json) else {
                    return Ok(None);
                };
                let (mut document, mut out) = (Text::arguments(), String::new());
                document.push(&json, true, rewrite, &mut out)?;
                // What is sealed would tell what is hidden; what its provider has signed cannot be changed.
                Ok((out != json && rewrite.hides()).then(|| quoted(thought::UNSIGNED.to_owned())))
            }
        }
    }
}
