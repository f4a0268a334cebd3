//! Passwords: what is assigned to a name that ends in such a word.

use super::{
    KEY_ENDS,
    entity::Hit,
    look::{self, END, Look, is_word},
    secret::{MAX_PASSWORD, is_placeholder},
};

/// How long a name can be that announces a password.
const MAX_NAME: usize = 64;
const PASSWORDS: [&str; 6] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passwort",
    "pgpassword",
];

/// Whether a name announces a password: its last word does, which begins it or stands behind `_`, a digit or a change
/// of case.
pub(super) fn is_password(name: &[u8]) -> bool {
    let ends = |word: &&str| {
        let at = name.len().checked_sub(word.len());
        let Some((head, last)) = at.and_then(|at| name.split_at_checked(at)) else {
            return false;
        };
        let begins = match (head.last(), last) {
            (None, _) => true,
            (Some(b'_' | b'0'..=b'9'), _) => true,
            (Some(b'A'..=b'Z'), [b'A'..=b'Z', second, ..]) => second.is_ascii_lowercase(),
            (Some(_), [first, ..]) => first.is_ascii_uppercase(),
            _ => false,
        };
        begins && last.eq_ignore_ascii_case(word.as_bytes())
    };
    PASSWORDS.iter().any(ends)
}

/// Where the name stands that announces what begins here as a password.
pub(super) fn announced(text: &str, at: usize) -> Option<usize> {
    let head = text.get(..at)?;
    let head = match head.strip_suffix(KEY_ENDS) {
        Some(key) => key,
        None => head.trim_end_matches(' ').strip_suffix([':', '='])?,
    };
    let head = head.trim_end_matches(' ');
    let head = head.strip_suffix(['"', '\'']).unwrap_or(head);
    let name = head
        .bytes()
        .rev()
        .take(MAX_NAME)
        .take_while(|b| is_word(*b));
    let start = head.len() - name.count();
    let known = is_password(head.as_bytes().get(start..)?);
    (known && !is_word(look::before(text, start).0)).then_some(start)
}

/// `password = value`, read from the name.
pub(super) fn password(look: &mut Look<'_>) -> Option<Hit> {
    let mut at = look.run(0, MAX_NAME + 1, is_word);
    if at > MAX_NAME || !is_password(look.read(0, at)) {
        return None;
    }
    if matches!(look.get(at), b'"' | b'\'') {
        at += 1;
    }
    at += look.run(at, 4, |c| c == b' ');
    if !matches!(look.get(at), b'=' | b':') {
        return None;
    }
    at += 1;
    if look.get(at) == b'=' || look.get(at) == b':' {
        return None;
    }
    at += if look.is(at - 1, KEY_ENDS) {
        KEY_ENDS.len() - 1
    } else {
        look.run(at, 4, |c| c == b' ')
    };
    let quote = look.get(at);
    let quoted = matches!(quote, b'"' | b'\'' | b'`');
    at += usize::from(quoted);
    let length = look.run(at, MAX_PASSWORD, |c| {
        if quoted {
            !matches!(c, END | b'\n') && c != quote
        } else {
            !matches!(
                c,
                END | b' '
                    | b'\n'
                    | b'\r'
                    | b'\t'
                    | b','
                    | b';'
                    | b'"'
                    | b'\''
                    | b')'
                    | b'<'
                    | b'&'
                    | b'}'
            )
        }
    });
    let value = look.read(at, at + length);
    let letters = value.iter().filter(|c| c.is_ascii_alphabetic()).count();
    let strong = letters < value.len() || value.len() >= 12;
    // Code that fetches a password has brackets and dots of its own.
    let code = !quoted
        && (value.iter().any(|c| b"([".contains(c))
            || is_reference(value)
            || is_type(value)
            || is_next(value));
    if value.len() < 6 || !strong || code || is_placeholder(value) {
        return None;
    }
    Some(Hit {
        from: at,
        to: at + length,
        score: if quoted { 70 } else { 60 },
        weak: false,
    })
}

/// The name of the next password: nothing stands behind the one before.
fn is_next(value: &[u8]) -> bool {
    let Some((b':' | b'=', rest)) = value.split_last() else {
        return false;
    };
    rest.rsplit(|c| !is_word(*c))
        .next()
        .is_some_and(is_password)
}

/// The type of a password: `String!`, `*string`, `str|None`, `SecretString`, `DataTypes.STRING`.
fn is_type(value: &[u8]) -> bool {
    const TYPES: [&[u8]; 7] = [
        b"string",
        b"str",
        b"text",
        b"bytes",
        b"null",
        b"none",
        b"undefined",
    ];
    let is_name = |part: &[u8]| {
        let kind = part.ends_with(b"String") && part.first().is_some_and(u8::is_ascii_uppercase);
        kind || TYPES.iter().any(|name| part.eq_ignore_ascii_case(name))
    };
    let letters = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_alphabetic);
    let one = |one: &[u8]| {
        let mut parts = one.split(|c| *c == b'.');
        parts.clone().all(letters) && parts.any(is_name)
    };
    let sign = |c: &u8| matches!(c, b'&' | b'*' | b'?' | b'!');
    let begin = value.iter().take_while(|c| sign(c)).count();
    let behind = value.iter().rev().take_while(|c| sign(c)).count();
    let value = value.get(begin..value.len().saturating_sub(behind));
    let mut types = value.unwrap_or_default().split(|c| *c == b'|');
    types.all(one)
}

/// Names that code reads a password by: `process.env.DB_PASSWORD`, `self.password`, `db_password`.
fn is_reference(value: &[u8]) -> bool {
    const ROOTS: [&[u8]; 19] = [
        b"process",
        b"os",
        b"self",
        b"this",
        b"req",
        b"request",
        b"ctx",
        b"config",
        b"settings",
        b"options",
        b"params",
        b"args",
        b"env",
        b"environ",
        b"secrets",
        b"vars",
        b"var",
        b"local",
        b"data",
    ];
    let is_name = |part: &[u8]| {
        let begins = |c: &u8| !c.is_ascii_digit();
        part.first().is_some_and(begins) && part.iter().all(|c| is_word(*c) || *c == b'$')
    };
    let value = value.strip_suffix(b"!").unwrap_or(value);
    // A type, such as `core::PCWSTR`.
    let mut path = value.split(|c| *c == b':').step_by(2);
    if value.windows(2).any(|pair| pair == b"::") && path.all(is_name) {
        return true;
    }
    let parts = value.split(|c| *c == b'.');
    let mut parts = parts.map(|part| part.strip_suffix(b"?").unwrap_or(part));
    if !parts.clone().all(is_name) {
        return false;
    }
    let (first, last) = (parts.next().unwrap_or_default(), parts.next_back());
    match last {
        Some(last) => {
            is_password(last) || ROOTS.iter().any(|root| first.eq_ignore_ascii_case(root))
        }
        // Alone it could be a password all the same, but for how names are written.
        None => {
            is_password(first) && first.contains(&b'_') && !first.iter().any(u8::is_ascii_digit)
        }
    }
}
