//! Guards every text of a request: looks, and writes a new body where something stands in another's place.
//!
//! A body is edited where something was found and nowhere else: all other bytes stay, escapes and white space too.
//! A text that is JSON itself, as the arguments of a tool's call, is looked into value by value, so that it stays
//! JSON.

mod join;
mod judged;
pub mod outside;
mod walk;

pub(in crate::guard) use walk::Addresses;
pub use walk::MAX_TEXTS;

use super::{
    edit::{self, Blocked, Edit, Guard},
    scan::KEY_ENDS,
    vault::Vault,
};
use crate::json::{Places, meant};
use join::{Joined, Part};
use serde_json::value::RawValue;
use std::borrow::Cow;
use walk::{How, Text, TooMuch, Zone};

/// How deep JSON is looked into that stands in a string of JSON.
const MAX_NESTED: usize = 4;
/// Longest key that is looked at together with its value. Units: bytes.
const MAX_KEY: usize = 64;

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A rule refuses it.
    Blocked(Blocked),
    /// There is more in it than is looked at.
    Unreadable,
}

impl From<Blocked> for Stop {
    fn from(blocked: Blocked) -> Self {
        Self::Blocked(blocked)
    }
}

impl From<TooMuch> for Stop {
    fn from(_: TooMuch) -> Self {
        Self::Unreadable
    }
}

/// Whether the texts of a request follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They are one conversation: what begins in one may end in the next.
    Conversation,
    /// Each is on its own.
    Apart,
}

/// Notes the placeholders that the texts of a body hold of their own, before the first value gets one.
pub fn note(vault: &mut Vault, body: &str) {
    match walk::texts(body, Zone::Body, false) {
        Ok(texts) => note_all(vault, body, &texts),
        Err(TooMuch) => vault.crowd(),
    }
}

/// The places of the texts in what a tool has said, between their quotes. `None`: there are too many, or they lie too
/// deep.
pub(in crate::guard) fn said(
    document: &str,
    addresses: Addresses,
) -> Option<Vec<std::ops::Range<usize>>> {
    walk::said(document, addresses).ok()
}

fn note_all(vault: &mut Vault, body: &str, texts: &[Text]) {
    for text in texts {
        let inner = body.get(text.place.clone()).unwrap_or_default();
        if inner.contains('[') || inner.contains("\\u") {
            vault.note(&meant(inner), text.said);
        }
    }
}

/// Looks at every text of a body, which is valid JSON. `notes`: something may stand in the place of another thing,
/// here or in the answer. The answer is the new body; `None`: there is nothing to change.
///
/// Errors: a rule blocks, or there is more than can be looked at.
pub fn guard(
    guard: &mut Guard<'_>,
    body: &str,
    order: Order,
    notes: bool,
) -> Result<Option<String>, Stop> {
    let joins = order == Order::Conversation;
    let texts = walk::texts(body, Zone::Body, joins)?;
    if guard.judges() {
        judged::judge(guard, body, &texts)?;
    }
    let inner = |text: &Text| body.get(text.place.clone()).unwrap_or_default();
    if notes {
        // Before the first value gets its placeholder.
        note_all(guard.vault(), body, &texts);
    }
    let mut joined = Joined::default();
    let follow = |text: &&Text| text.how == How::Joined;
    if texts.iter().filter(follow).nth(1).is_some() {
        for (place, text) in texts.iter().enumerate() {
            if text.how == How::Joined {
                let meaning = meant(inner(text));
                if !may_be_json(&meaning) {
                    joined.push(guard, place, &meaning)?;
                }
            }
        }
        joined.close(guard)?;
    }
    let mut new = Body {
        text: body,
        at: 0,
        out: None,
    };
    let mut parts = joined.parts.as_slice();
    for (place, text) in texts.iter().enumerate() {
        let mine = parts.iter().take_while(|part| part.text == place).count();
        let (own, rest) = parts.split_at_checked(mine).unwrap_or_default();
        parts = rest;
        one(guard, body, text, own, 0, &mut |start, end, with| {
            new.put(start, end, with);
        })?;
    }
    Ok(new.finish())
}

/// Takes a place in what is looked at, and what stands there instead.
type Put<'p> = &'p mut dyn FnMut(usize, usize, &str);

/// Looks at one text of a document. `parts`: what is to be put into it besides.
fn one(
    guard: &mut Guard<'_>,
    document: &str,
    text: &Text,
    parts: &[Part],
    depth: usize,
    put: Put<'_>,
) -> Result<(), Stop> {
    let written = document.get(text.place.clone()).unwrap_or_default();
    let start = text.place.start;
    let meaning = meant(written);
    if text.how == How::Number {
        return number(guard, document, text, put);
    }
    if parts.is_empty() && depth < MAX_NESTED && is_json(&meaning) {
        // What lies deeper than anybody reads is a text like any other.
        if let Ok(texts) = walk::texts(&meaning, Zone::Own, false) {
            let mut places = Places::of(written);
            for inner in &texts {
                let put = &mut |from: usize, to: usize, with: &str| {
                    let (from, to) = (places.at(from), places.at(to));
                    put(start + from, start + to, &escaped(with));
                };
                one(guard, &meaning, inner, &[], depth + 1, put)?;
            }
            return Ok(());
        }
    }
    let mut places = Places::of(written);
    let mut merge = Merge {
        waiting: None,
        put: &mut |edit: Edit| {
            let (from, to) = (places.at(edit.start), places.at(edit.end));
            put(start + from, start + to, &edit.with);
        },
    };
    let mut parts = parts.iter().map(|part| Edit {
        start: part.place.start,
        end: part.place.end,
        with: part.with.clone(),
    });
    let mut next = parts.next();
    let (looked, from) = match text.how {
        How::Value => with_key(document, text, &meaning),
        How::Address => (Cow::Borrowed(&*meaning), behind_host(&meaning)),
        _ => (Cow::Borrowed(&*meaning), 0),
    };
    let before = looked.len() - meaning.len();
    guard.look_whole(&looked, from, &mut |mut edit| {
        edit.start -= before;
        edit.end -= before;
        while let Some(part) = next.take_if(|part| part.start <= edit.start) {
            merge.push(part);
            next = parts.next();
        }
        merge.push(edit);
    })?;
    while let Some(part) = next {
        merge.push(part);
        next = parts.next();
    }
    merge.flush();
    Ok(())
}

/// Looks at a number; what stands in its place is a string.
fn number(guard: &mut Guard<'_>, document: &str, text: &Text, put: Put<'_>) -> Result<(), Stop> {
    let digits = document.get(text.place.clone()).unwrap_or_default();
    let (looked, from) = with_key(document, text, digits);
    let mut edits = Vec::new();
    guard.look_whole(&looked, from, &mut |edit| edits.push(edit))?;
    if !edits.is_empty() {
        let mut with = String::from("\"");
        edit::write(&looked, from..looked.len(), &edits, &mut with);
        with.push('"');
        put(text.place.start, text.place.end, &with);
    }
    Ok(())
}

/// A value behind its key, and where it begins: the key says what it is.
fn with_key<'t>(document: &str, text: &Text, value: &'t str) -> (Cow<'t, str>, usize) {
    let key = meant(document.get(text.key.clone()).unwrap_or_default());
    if key.is_empty() {
        return (Cow::Borrowed(value), 0);
    }
    let key = key
        .get(..key.floor_char_boundary(MAX_KEY))
        .unwrap_or_default();
    let looked = [key, KEY_ENDS, value].concat();
    let from = looked.len() - value.len();
    (Cow::Owned(looked), from)
}

/// Edits of two origins, in order; those that overlap become one.
struct Merge<'m> {
    waiting: Option<Edit>,
    put: &'m mut dyn FnMut(Edit),
}

impl Merge<'_> {
    fn push(&mut self, edit: Edit) {
        match &mut self.waiting {
            Some(before) if edit.start < before.end => before.end = before.end.max(edit.end),
            _ => {
                self.flush();
                self.waiting = Some(edit);
            }
        }
    }

    fn flush(&mut self) {
        if let Some(edit) = self.waiting.take() {
            (self.put)(edit);
        }
    }
}

/// Whether a text looks like JSON that has parts.
fn may_be_json(text: &str) -> bool {
    let text = text.trim_ascii();
    (text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']'))
}

/// Whether a text is JSON that has parts.
fn is_json(text: &str) -> bool {
    may_be_json(text) && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// As it stands in a string of JSON. Placeholders need no escapes; the quotes of what was a number do.
fn escaped(with: &str) -> Cow<'_, str> {
    if !with.contains(['"', '\\']) {
        return Cow::Borrowed(with);
    }
    Cow::Owned(with.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Where an address goes on behind its host; a name and a password before the host are looked at as well.
fn behind_host(address: &str) -> usize {
    let Some(at) = address.find("://") else {
        return 0;
    };
    let host = at + "://".len();
    let rest = address.get(host..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..end).is_some_and(|host| host.contains('@')) {
        true => host,
        false => host + end,
    }
}

/// A body that is written anew from its first change on.
struct Body<'b> {
    text: &'b str,
    /// What is before has been written.
    at: usize,
    out: Option<String>,
}

impl Body<'_> {
    /// Puts something in the place of a part that lies behind all earlier ones.
    fn put(&mut self, start: usize, end: usize, with: &str) {
        let out = self
            .out
            .get_or_insert_with(|| String::with_capacity(self.text.len()));
        out.push_str(self.text.get(self.at..start).unwrap_or_default());
        out.push_str(with);
        self.at = end;
    }

    fn finish(self) -> Option<String> {
        let mut out = self.out?;
        out.push_str(self.text.get(self.at..).unwrap_or_default());
        Some(out)
    }
}
