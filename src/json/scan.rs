//! One strict pass over a JSON text: grammar, depth, duplicate keys, and where its values lie.
//!
//! Not `serde_json`: its raw values check neither the depth nor the keys of what they skip, and a
//! second pass for those would cost as much again. `tests/json.rs` holds the two against each other.

use super::{index::Node, plain::plain};
use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _, ops::Range};

/// Arrays and objects inside each other, the outermost included.
pub const MAX_DEPTH: usize = 64;
/// Fields of the outermost object.
pub const MAX_FIELDS: usize = 256;
/// Arrays and objects of a whole text, and the keys and the values in it: what reads a body keeps something for
/// each, and a body of 16 MB could hold millions. A conversation that fills such a body has some ten thousand.
pub const MAX_OPENED: usize = 1 << 16;
/// See [`MAX_OPENED`].
pub const MAX_KEYS: usize = 1 << 18;
/// See [`MAX_OPENED`]; lists of tokens to embed are the longest that are meant.
pub const MAX_VALUES: usize = 1 << 20;
/// How many notes are expected: as many as a request has fields, or one for so many bytes of a conversation.
const FEW_NODES: usize = 16;
const MANY_NODES: usize = 4096;
const BYTES_OF_A_NODE: usize = 64;
/// Above this many keys an object's keys are looked up in a tree instead of a list.
const FEW_KEYS: usize = 24;

/// Why a text is not a JSON object that may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a clause ("a key appears twice").
    pub what: &'static str,
    /// Units: bytes from the start of the text.
    pub at: usize,
    /// The field it happened in, e.g. `messages[2].content`; empty for the outermost object.
    pub path: String,
}

/// Whether a text holds more objects and lists than any answer does, so that reading it would take many times
/// its size. Cheap for texts that do not.
pub fn is_crowded(text: &[u8]) -> bool {
    // The shortest takes two bytes.
    if text.len() < 2 * MAX_OPENED {
        return false;
    }
    let opening = text.iter().filter(|byte| matches!(byte, b'{' | b'['));
    // Most of them may stand in strings.
    opening.count() > MAX_OPENED
        && !std::str::from_utf8(text).is_ok_and(|text| scan(text, Root::Object, 0).is_ok())
}

/// What a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// One object.
    Object,
    /// One object with any number of fields.
    Map,
    /// One list.
    List,
}

/// Checks `text` and notes its values down to `levels` objects and lists deep; the first note is of all of it.
///
/// Errors: the first problem; nothing after it has been looked at.
pub(super) fn scan(text: &str, root: Root, levels: usize) -> Result<Vec<Node>, Problem> {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        open: Vec::new(),
        keys: Vec::new(),
        levels,
        max_fields: match root {
            Root::Object | Root::List => MAX_FIELDS,
            Root::Map => MAX_KEYS,
        },
        key: 0..0,
        nodes: Vec::with_capacity(match levels {
            0 | 1 => FEW_NODES,
            _ => (text.len() / BYTES_OF_A_NODE).clamp(FEW_NODES, MANY_NODES),
        }),
        left: Left {
            opened: MAX_OPENED,
            keys: MAX_KEYS,
            values: MAX_VALUES,
        },
    };
    match scanner.read(root) {
        Ok(()) => Ok(scanner.nodes),
        Err(what) => Err(Problem {
            what,
            at: scanner.at,
            path: scanner.path(),
        }),
    }
}

/// An object or a list that has not ended yet.
struct Open<'a> {
    inside: Inside<'a>,
    /// Its note, if there is one.
    note: Option<usize>,
}

enum Inside<'a> {
    Object {
        first_key: usize,
        many: BTreeSet<Cow<'a, str>>,
    },
    Array {
        index: usize,
    },
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open<'a>>,
    keys: Vec<Cow<'a, str>>,
    levels: usize,
    max_fields: usize,
    /// Where the last key stands.
    key: Range<usize>,
    nodes: Vec<Node>,
    left: Left,
}

/// How many more there may be.
struct Left {
    opened: usize,
    keys: usize,
    values: usize,
}

/// One less.
///
/// Errors: there were none left.
fn spend(left: &mut usize, problem: &'static str) -> Step {
    *left = left.checked_sub(1).ok_or(problem)?;
    Ok(())
}

type Step = Result<(), &'static str>;

impl<'a> Scanner<'a> {
    fn read(&mut self, root: Root) -> Step {
        self.space();
        match (root, self.peek()) {
            (Root::Object | Root::Map, Some(b'{')) | (Root::List, Some(b'[')) => {}
            (Root::Object | Root::Map, _) => return Err("it is not a JSON object"),
            (Root::List, _) => return Err("it is not a list"),
        }
        // One turn of the loop reads one value; what stands between values is read at its end.
        'value: loop {
            self.space();
            spend(
                &mut self.left.values,
                "it holds too many values (1048576 are allowed)",
            )?;
            let first = self.peek();
            let note = self.note(first == Some(b'{'));
            match first {
                Some(b'{') => {
                    let inside = Inside::Object {
                        first_key: self.keys.len(),
                        many: BTreeSet::new(),
                    };
                    self.enter(Open { inside, note })?;
                    self.space();
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        continue 'value;
                    }
                }
                Some(b'[') => {
                    let inside = Inside::Array { index: 0 };
                    self.enter(Open { inside, note })?;
                    self.space();
                    if self.peek() != Some(b']') {
                        continue 'value;
                    }
                }
                Some(b'"') => {
                    self.string()?;
                    self.noted(note);
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                    self.noted(note);
                }
                Some(b't') => self.word("true", note)?,
                Some(b'f') => self.word("false", note)?,
                Some(b'n') => self.word("null", note)?,
                Some(_) => return Err("a value is expected here"),
                None => return Err("it ends in the middle of a value"),
            }
            loop {
                self.space();
                let next = self.peek();
                let open = self.open.last_mut();
                match (next, open.map(|open| (&mut open.inside, open.note))) {
                    (Some(b','), Some((Inside::Array { index }, _))) => {
                        *index += 1;
                        self.at += 1;
                        continue 'value;
                    }
                    (Some(b','), Some((Inside::Object { .. }, _))) => {
                        self.at += 1;
                        self.space();
                        self.key()?;
                        continue 'value;
                    }
                    (Some(b']'), Some((Inside::Array { .. }, note))) => {
                        self.at += 1;
                        self.open.pop();
                        self.noted(note);
                    }
                    (Some(b'}'), Some((Inside::Object { first_key, .. }, note))) => {
                        let first_key = *first_key;
                        self.at += 1;
                        self.keys.truncate(first_key);
                        self.open.pop();
                        self.noted(note);
                    }
                    (None, _) => return Err("it ends before the object is closed"),
                    _ => return Err("a comma or a closing bracket is expected here"),
                }
                if self.open.is_empty() {
                    self.space();
                    return match (self.peek(), root) {
                        (None, _) => Ok(()),
                        (_, Root::Object | Root::Map) => {
                            Err("something follows the end of the object")
                        }
                        (_, Root::List) => Err("something follows the end of the list"),
                    };
                }
            }
        }
    }

    /// Begins the note of a value, if there is to be one: of what stands in a list, objects alone.
    fn note(&mut self, is_object: bool) -> Option<usize> {
        let mut key = 0..0;
        if let Some(open) = self.open.last() {
            let list = self.nodes.get_mut(open.note?)?;
            match &open.inside {
                Inside::Array { .. } if !is_object => {
                    list.mixed = true;
                    return None;
                }
                _ if self.open.len() > self.levels => return None,
                Inside::Array { .. } => {}
                Inside::Object { .. } => key = self.key.clone(),
            }
        }
        self.nodes.push(Node {
            key,
            place: self.at..self.at,
            next: 0,
            mixed: false,
        });
        self.nodes.len().checked_sub(1)
    }

    /// The value has ended.
    fn noted(&mut self, note: Option<usize>) {
        let next = self.nodes.len();
        if let Some(node) = note.and_then(|note| self.nodes.get_mut(note)) {
            node.place.end = self.at;
            node.next = next;
        }
    }

    fn enter(&mut self, what: Open<'a>) -> Step {
        if self.open.len() == MAX_DEPTH {
            return Err("it is nested too deeply (64 levels are allowed)");
        }
        spend(
            &mut self.left.opened,
            "it holds too many objects and lists (65536 are allowed)",
        )?;
        self.at += 1;
        self.open.push(what);
        Ok(())
    }

    /// Reads `"key" :` and refuses one that this object already has.
    fn key(&mut self) -> Step {
        if self.peek() != Some(b'"') {
            return Err("a key in double quotes is expected here");
        }
        spend(
            &mut self.left.keys,
            "its objects hold too many keys (262144 are allowed)",
        )?;
        let start = self.at;
        let escaped = self.string()?;
        self.key = start..self.at;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        let key = if escaped {
            Cow::Owned(
                serde_json::from_str(quoted).map_err(|_| "a key holds half a surrogate pair")?,
            )
        } else {
            Cow::Borrowed(
                quoted
                    .get(1..quoted.len().saturating_sub(1))
                    .unwrap_or_default(),
            )
        };
        let fields = self.keys.len();
        if let [
            outer @ ..,
            Open {
                inside: Inside::Object { first_key, many },
                ..
            },
        ] = self.open.as_mut_slice()
        {
            if outer.is_empty() && fields == self.max_fields {
                return Err("it has too many fields");
            }
            let seen = self.keys.get(*first_key..).unwrap_or_default();
            if seen.len() == FEW_KEYS {
                many.extend(seen.iter().cloned());
            }
            let twice = if seen.len() < FEW_KEYS {
                seen.contains(&key)
            } else {
                !many.insert(key.clone())
            };
            self.keys.push(key);
            if twice {
                return Err("a key appears twice");
            }
        }
        self.space();
        if self.peek() != Some(b':') {
            return Err("a colon is expected here");
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a string, the opening quote included; says whether it holds an escape.
    fn string(&mut self) -> Result<bool, &'static str> {
        let mut rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let mut escaped = false;
        let problem = loop {
            rest = rest.get(plain(rest)..).unwrap_or_default();
            rest = match rest {
                [b'"', after @ ..] => {
                    self.at = self.bytes.len() - after.len();
                    return Ok(escaped);
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    after @ ..,
                ] => after,
                [b'\\', b'u', a, b, c, d, after @ ..]
                    if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) =>
                {
                    after
                }
                [] => break "it ends in the middle of a string",
                [b'\\'] => break "it ends in the middle of a string",
                [b'\\', ..] => break "a string holds an unknown escape",
                _ => break "a control character inside a string must be escaped",
            };
            escaped = true;
        };
        self.at = self.bytes.len() - rest.len();
        Err(problem)
    }

    fn number(&mut self) -> Step {
        const WRONG: &str = "a number is malformed";
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(WRONG),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return Err(WRONG);
            }
            self.digits();
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return Err(WRONG);
            }
            self.digits();
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, note: Option<usize>) -> Step {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err("a value is expected here");
        }
        self.at += word.len();
        self.noted(note);
        Ok(())
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for (depth, open) in self.open.iter().enumerate() {
            match open.inside {
                Inside::Array { index } => {
                    let _ = write!(path, "[{index}]");
                }
                Inside::Object { first_key, .. } => {
                    let next = self.open.iter().skip(depth + 1);
                    let next = next
                        .filter_map(|open| match open.inside {
                            Inside::Object { first_key, .. } => Some(first_key),
                            Inside::Array { .. } => None,
                        })
                        .next();
                    let end = next.unwrap_or(self.keys.len());
                    if end > first_key
                        && let Some(key) = self.keys.get(end.saturating_sub(1))
                    {
                        let dot = if path.is_empty() { "" } else { "." };
                        let _ = write!(path, "{dot}{}", key.chars().take(64).collect::<String>());
                    }
                }
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Vec<(String, &str)>, Problem> {
        let nodes = scan(text, Root::Object, 1)?.into_iter().skip(1);
        Ok(nodes
            .map(|node| (node.key(text).into_owned(), node.value(text)))
            .collect())
    }

    fn refused(text: &str) -> (&'static str, usize, String) {
        let problem = fields(text).unwrap_err();
        (problem.what, problem.at, problem.path)
    }

    #[test]
    fn fields_come_in_order_with_the_bytes_of_their_values() {
        let got =
            fields(r#" { "b" : 1.10 , "a":{"x":[1, {"y":null}]},"\u0063":"t\"e" } "#).unwrap();
        let want = [
            ("b", "1.10"),
            ("a", r#"{"x":[1, {"y":null}]}"#),
            ("c", r#""t\"e""#),
        ];
        assert_eq!(got, want.map(|(k, v)| (k.to_owned(), v)));
        assert_eq!(fields("{}").unwrap(), []);
    }

    #[test]
    fn a_key_that_appears_twice_is_refused_at_any_depth_and_however_it_is_spelled() {
        assert_eq!(
            refused(r#"{"messages":[{"role":"a"},{"role":"b","\u0072ole":"c"}]}"#),
            ("a key appears twice", 49, "messages[1].role".into())
        );
        let mut many: String = (0..100).map(|n| format!("\"k{n}\":0,")).collect();
        many.push_str("\"k7\":1");
        assert_eq!(refused(&format!("{{\"a\":{{{many}}}}}")).2, "a.k7");
        assert!(fields(r#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn sixty_four_levels_pass_and_the_sixty_fifth_is_refused() {
        let nested = |n: usize| format!("{{\"a\":{}1{}}}", "[".repeat(n), "]".repeat(n));
        assert!(fields(&nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(
            refused(&nested(MAX_DEPTH)).0,
            "it is nested too deeply (64 levels are allowed)"
        );
    }

    #[test]
    fn too_many_fields_are_refused() {
        let wide = |n: usize| {
            let fields: Vec<_> = (0..n).map(|n| format!("\"k{n}\":0")).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(fields(&wide(MAX_FIELDS)).is_ok());
        assert_eq!(refused(&wide(MAX_FIELDS + 1)).0, "it has too many fields");
    }

    #[test]
    fn a_text_holds_only_so_many_objects_keys_and_values() {
        let many = |unit: &str, n: usize| format!("{{\"a\":[{}]}}", vec![unit; n].join(","));
        // The object itself and its list are two of them.
        let (all, one_more) = (many("{}", MAX_OPENED - 2), many("[]", MAX_OPENED - 1));
        assert!(fields(&all).is_ok());
        assert_eq!(
            refused(&one_more).0,
            "it holds too many objects and lists (65536 are allowed)"
        );
        assert!(!is_crowded(all.as_bytes()));
        assert!(is_crowded(one_more.as_bytes()));
        let quoted = format!("{{\"a\":\"{}\"}}", "{[".repeat(MAX_OPENED));
        assert!(!is_crowded(quoted.as_bytes()), "it is one text");
        assert!(fields(&many("1", MAX_VALUES - 2)).is_ok());
        assert_eq!(
            refused(&many("1", MAX_VALUES - 1)).0,
            "it holds too many values (1048576 are allowed)"
        );
        let sixteen: Vec<_> = (0..16).map(|n| format!("\"k{n}\":0")).collect();
        let object = format!("{{{}}}", sixteen.join(","));
        assert!(fields(&many(&object, MAX_KEYS / 16 - 1)).is_ok());
        assert_eq!(
            refused(&many(&object, MAX_KEYS / 16)).0,
            "its objects hold too many keys (262144 are allowed)"
        );
    }

    #[test]
    fn a_text_that_ends_early_says_where() {
        assert_eq!(
            refused(r#"{"messages":[{"content":"he"#),
            (
                "it ends in the middle of a string",
                27,
                "messages[0].content".into()
            )
        );
        assert_eq!(refused("").0, "it is not a JSON object");
        assert_eq!(refused("[1]").0, "it is not a JSON object");
        assert_eq!(refused("{} x").0, "something follows the end of the object");
    }
}
