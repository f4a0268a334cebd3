//! The values of one request that the provider does not see, and what stands for them.
//!
//! They live in the request's own memory, are gone with it, and are never printed.

use super::rules::Salt;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::{Bound, Range},
    rc::Rc,
};

/// Most values that have placeholders of their own; further ones share one without a number and are not
/// put back.
pub const MAX_VALUES: usize = 16_384;
/// Most bytes of them together.
pub const MAX_VALUE_BYTES: usize = 4 << 20;
/// Most placeholders in the client's own texts that are remembered.
const MAX_PRESENT: usize = 16_384;
/// Longest number in a placeholder that is taken for one. Units: digits.
const MAX_DIGITS: usize = 7;
/// Longest placeholder: brackets, a type, a line below and a number.
pub const MAX_PLACEHOLDER_BYTES: usize = super::rules::MAX_LABEL_BYTES + 3 + MAX_DIGITS;
/// Where numbers begin of a request that must not meet those of earlier ones.
const APART: Range<u32> = 100_000..1_000_000;
/// Digits of a digest that are written. Units: bytes of the digest.
const DIGEST_BYTES: usize = 6;

/// What stands for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// It is put back in the answer.
    Back,
    /// It stays away.
    Away,
}

/// Who has said a text, where placeholders are looked for in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The client, or a tool.
    Client,
    /// The model, in an earlier answer.
    Model,
}

/// Values and their placeholders.
#[derive(Default)]
pub struct Vault {
    /// By what becomes of it, its type and itself.
    placeholders: BTreeMap<(Kept, String, String), Rc<str>>,
    /// What is put back.
    values: BTreeMap<Rc<str>, String>,
    bytes: usize,
    /// The last number of each type.
    last: BTreeMap<String, u32>,
    /// The numbers of every type begin behind this one.
    behind: u32,
    /// What stands in the client's own texts already.
    client: BTreeSet<String>,
    model: BTreeSet<String>,
    /// There is no room to remember more of those, so that no placeholder is known to be new.
    crowded: bool,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Vault {
    /// Notes the placeholders that a text of the client has of its own: none of them will stand for a value
    /// that is put back. One that a model has said before may stand for the same value again as long as that stays away.
    pub fn note(&mut self, text: &str, said: Said) {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('[') {
            rest = after;
            let Some(size) = named(after) else { continue };
            if self.client.len() + self.model.len() >= MAX_PRESENT {
                self.crowded = true;
                return;
            }
            let name = after.get(..size).unwrap_or_default().to_owned();
            match said {
                Said::Client => self.client.insert(name),
                Said::Model => self.model.insert(name),
            };
        }
    }

    /// What a provider remembers of earlier requests may hold their placeholders: the numbers of this one, which is
    /// known by its `id`, begin far from 1 and from theirs.
    pub fn stand_apart(&mut self, id: &str) {
        let digest = Sha256::digest(id.as_bytes());
        let number = digest.iter().take(4);
        let number = number.fold(0, |number, byte| number << 8 | u32::from(*byte));
        self.behind = APART.start + number % (APART.end - APART.start);
    }

    /// There may be others of the client's own that nobody has seen: no value gets one with a number any more.
    pub fn crowd(&mut self) {
        self.crowded = true;
    }

    /// What stands for a value: `[EMAIL_1]`, always the same for the same one.
    pub fn placeholder(&mut self, label: &str, value: &str, kept: Kept) -> Rc<str> {
        let key = (kept, label.to_owned(), value.to_owned());
        if let Some(known) = self.placeholders.get(&key) {
            return known.clone();
        }
        let size = self.bytes.saturating_add(value.len());
        if self.crowded || self.placeholders.len() >= MAX_VALUES || size > MAX_VALUE_BYTES {
            return format!("[{label}]").into();
        }
        let mut number = self.last.get(label).copied().unwrap_or(self.behind);
        // Each turn passes one that is remembered: they are bounded, and no number is looked at twice.
        let name = loop {
            number = number.saturating_add(1);
            let name = format!("{label}_{number}");
            let told =
                self.client.contains(&name) || (kept == Kept::Back && self.model.contains(&name));
            if !told {
                break name;
            }
        };
        self.last.insert(label.to_owned(), number);
        let placeholder: Rc<str> = format!("[{name}]").into();
        self.bytes = size;
        if kept == Kept::Back {
            self.values.insert(placeholder.clone(), value.to_owned());
        }
        self.placeholders.insert(key, placeholder.clone());
        placeholder
    }

    /// Whether there is nothing to put back.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The placeholders of this request in a text, and the values that they stand for; in order. The answer
    /// is up to where the text is decided: what follows may be the beginning of one. With `last`
    /// nothing follows.
    pub fn known<'v>(
        &'v self,
        text: &str,
        last: bool,
        found: &mut Vec<(Range<usize>, &'v str)>,
    ) -> usize {
        let mut at = 0;
        while let Some(open) = text.get(at..).and_then(|rest| rest.find('[')) {
            let start = at + open;
            let rest = text.get(start..).unwrap_or_default();
            let size = rest.len().min(MAX_PLACEHOLDER_BYTES);
            let close = rest.bytes().take(size).position(|byte| byte == b']');
            match close.and_then(|close| rest.get(..=close)) {
                Some(whole) => match self.values.get(whole) {
                    Some(value) => {
                        at = start + whole.len();
                        found.push((start..at, value));
                    }
                    None => at = start + 1,
                },
                // Only the end of the text can still become one.
                None if !last && self.may_begin(rest) => return start,
                None => at = start + 1,
            }
        }
        text.len()
    }

    /// Whether one of the placeholders begins with this text.
    fn may_begin(&self, text: &str) -> bool {
        let from = (Bound::Included(text), Bound::Unbounded);
        let next = self.values.range::<str, _>(from).next();
        next.is_some_and(|(placeholder, _)| placeholder.starts_with(text))
    }

    /// A whole text with the values put back.
    pub fn restore<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut found = Vec::new();
        self.known(text, true, &mut found);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for (place, value) in found {
            out.push_str(text.get(at..place.start).unwrap_or_default());
            out.push_str(value);
            at = place.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }
}

/// How long the name at the start of a text is, if it is one of a placeholder: `EMAIL_1]`, without the bracket.
fn named(text: &str) -> Option<usize> {
    let text = text.as_bytes();
    let close = text
        .iter()
        .take(MAX_PLACEHOLDER_BYTES)
        .position(|b| *b == b']')?;
    let name = text.get(..close)?;
    let line = name.iter().rposition(|b| *b == b'_')?;
    let (label, number) = (name.get(..line)?, name.get(line + 1..)?);
    let typed = label
        .iter()
        .all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
    let counts = (1..=MAX_DIGITS).contains(&number.len()) && number.iter().all(u8::is_ascii_digit);
    (typed && counts && label.first()?.is_ascii_uppercase()).then_some(close)
}

/// The digest that stands for a value: `[EMAIL_0123456789ab]`, the first digits of the SHA-256 of salt, type and
/// value, with a zero between them.
pub fn digest(label: &str, value: &str, salt: &Salt) -> String {
    let digest = Sha256::new()
        .chain_update(salt.0.as_bytes())
        .chain_update([0])
        .chain_update(label.as_bytes())
        .chain_update([0])
        .chain_update(value.as_bytes())
        .finalize();
    let mut out = format!("[{label}_");
    for byte in digest.iter().take(DIGEST_BYTES) {
        out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_the_same_placeholder_and_another_has_another() {
        let mut vault = Vault::default();
        let mut of =
            |label: &str, value: &str, kept| vault.placeholder(label, value, kept).to_string();
        assert_eq!(of("EMAIL", "a@b.co", Kept::Away), "[EMAIL_1]");
        assert_eq!(of("EMAIL", "c@b.co", Kept::Away), "[EMAIL_2]");
        assert_eq!(of("PHONE", "123", Kept::Away), "[PHONE_1]");
        assert_eq!(of("EMAIL", "a@b.co", Kept::Away), "[EMAIL_1]");
        // What stays away and what comes back never share one.
        assert_eq!(of("EMAIL", "a@b.co", Kept::Back), "[EMAIL_3]");
    }

    #[test]
    fn placeholders_of_the_client_s_own_are_not_given_again() {
        let mut vault = Vault::default();
        vault.note(
            "see [EMAIL_1], [[EMAIL_3]] and [EMAIL_x] [EMAIL_] [_1] [email_4]",
            Said::Client,
        );
        vault.note("I wrote to [EMAIL_2].", Said::Model);
        let mut of = |value: &str, kept| vault.placeholder("EMAIL", value, kept).to_string();
        assert_eq!(of("a", Kept::Away), "[EMAIL_2]");
        assert_eq!(of("b", Kept::Back), "[EMAIL_4]");
        let mut vault = Vault::default();
        vault.note("I wrote to [EMAIL_1].", Said::Model);
        assert_eq!(&*vault.placeholder("EMAIL", "b", Kept::Back), "[EMAIL_2]");
        assert_eq!(vault.restore("[EMAIL_1] [EMAIL_2]"), "[EMAIL_1] b");
    }

    #[test]
    fn a_text_in_pieces_is_held_only_where_a_placeholder_may_begin() {
        let mut vault = Vault::default();
        for value in ["a@b.co", "c@d.co"] {
            vault.placeholder("EMAIL", value, Kept::Back);
        }
        let until = |text: &str| {
            let mut found = Vec::new();
            let until = vault.known(text, false, &mut found);
            (until, found.len())
        };
        assert_eq!(until("to [EMAIL_1] and"), (16, 1));
        assert_eq!(until("to [EMA"), (3, 0));
        assert_eq!(until("to ["), (3, 0));
        assert_eq!(until("to [EMAIL_2"), (3, 0));
        assert_eq!(until("to [EMAIL_3"), (11, 0));
        assert_eq!(until("to [PHONE"), (9, 0));
        assert_eq!(until("a[0] = [1"), (9, 0));
        assert_eq!(until("[[EMAIL_1]"), (10, 1));
        assert_eq!(until("[EM[EMAIL_1"), (3, 0));
        assert_eq!(vault.restore("[EMAIL_2],[EMAIL_1]é"), "c@d.co,a@b.coé");
        assert_eq!(vault.restore("[EMAIL_12][EMAIL_1"), "[EMAIL_12][EMAIL_1");
    }

    #[test]
    fn too_many_values_share_a_placeholder_that_is_not_put_back() {
        let mut vault = Vault::default();
        for value in 0..MAX_VALUES {
            vault.placeholder("X", &value.to_string(), Kept::Back);
        }
        assert_eq!(&*vault.placeholder("X", "one more", Kept::Back), "[X]");
        assert_eq!(&*vault.placeholder("X", "0", Kept::Back), "[X_1]");
        assert_eq!(vault.restore("[X]"), "[X]");
        let mut vault = Vault::default();
        let long = "x".repeat(MAX_VALUE_BYTES);
        assert_eq!(&*vault.placeholder("X", &long, Kept::Back), "[X_1]");
        assert_eq!(&*vault.placeholder("X", "y", Kept::Back), "[X]");
        let mut vault = Vault::default();
        let mut text = String::new();
        for number in 0..=MAX_PRESENT {
            text.push_str(&format!("[X_{number}]"));
        }
        vault.note(&text, Said::Client);
        assert_eq!(&*vault.placeholder("X", "y", Kept::Back), "[X]");
    }

    #[test]
    fn a_digest_depends_on_salt_type_and_value() {
        let salt = Salt("sixteen letters!".into());
        // printf 'sixteen letters!\0EMAIL\0a@b.co' | sha256sum
        assert_eq!(digest("EMAIL", "a@b.co", &salt), "[EMAIL_60b9a8bbf598]");
        assert_ne!(
            digest("EMAIL", "a@b.co", &Salt("another one here".into())),
            digest("EMAIL", "a@b.co", &salt)
        );
    }

    #[test]
    fn values_are_never_printed() {
        let mut vault = Vault::default();
        vault.placeholder("EMAIL", "a@b.co", Kept::Back);
        assert_eq!(format!("{vault:?}"), "Vault { .. }");
        assert_eq!(format!("{:?}", Salt("sixteen letters!".into())), "Salt");
    }
}
