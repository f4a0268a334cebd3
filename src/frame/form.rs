//! `multipart/form-data`: finds one field of a form that passes by in pieces.
//!
//! Servers read forms more or less leniently, and what one of them takes for the field must not
//! escape here. So a delimiter is seen at every beginning of a line, whichever line end is before it,
//! and what could be read in two ways is an error: other line ends than CRLF, a part without a plain
//! `Content-Disposition`, anything behind the end.
//! Source: RFC 7578; RFC 2046, section 5.1.1. What servers make of the rest was tried with Starlette 1.10
//! and Werkzeug 3.1 for Python and with Python's own `email`, 2026-11.

use super::part::{self, Named};

/// Longest boundary; RFC 2046 allows 70.
const MAX_BOUNDARY_BYTES: usize = 200;
/// Most that may stand before a part's content.
const MAX_HEAD_BYTES: usize = 8 << 10;

/// Why a form cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It does not keep to the grammar.
    Malformed,
    /// The field is there twice: which one counts would be for the provider to choose.
    Twice,
    /// The field is a file, encoded, or too long.
    NoText,
}

/// The field's value and the place of its first byte in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Units: bytes from the start of the body.
    pub start: usize,
    /// What it says.
    pub value: String,
}

/// Looks for one field.
#[derive(Debug)]
pub struct Finder {
    name: &'static str,
    max_bytes: usize,
    /// `--` and the boundary.
    delimiter: Vec<u8>,
    /// What has not been read yet, and where it begins in the body.
    held: Vec<u8>,
    /// So much of it has been read.
    read: usize,
    offset: usize,
    /// It begins a line.
    line: bool,
    at: At,
    seen: bool,
}

/// Where the reading stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In content; that of the field is kept whole.
    Content { wanted: bool },
    /// Behind a delimiter.
    Line,
    /// In the lines before a part's content.
    Head,
    /// Behind the last delimiter.
    End,
}

/// The boundary in a content type, where it is a form's.
pub fn boundary(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';');
    let kind = parameters.next()?.trim();
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut found = None;
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !name.trim().eq_ignore_ascii_case("boundary") {
            continue;
        }
        let value = value.trim();
        let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        let value = inner.unwrap_or(value);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        let fits = (1..=MAX_BOUNDARY_BYTES).contains(&value.len()) && value.bytes().all(plain);
        if found.is_some() || !fits || value.ends_with(' ') {
            return None; // two of them, or one that could be read in two ways
        }
        found = Some(value);
    }
    found
}

/// The content type of a form with this boundary, and nothing else in it.
pub fn content_type(boundary: &str) -> String {
    if part::is_token(boundary) {
        format!("multipart/form-data; boundary={boundary}")
    } else {
        format!("multipart/form-data; boundary=\"{boundary}\"")
    }
}

impl Finder {
    /// Looks for the field `name` of at most `max_bytes` in a form with this boundary.
    pub fn new(boundary: &str, name: &'static str, max_bytes: usize) -> Self {
        Self {
            name,
            max_bytes,
            delimiter: ["--", boundary].concat().into_bytes(),
            held: Vec::new(),
            read: 0,
            offset: 0,
            line: true,
            at: At::Content { wanted: false },
            seen: false,
        }
    }

    /// Whether the form is complete.
    pub fn is_complete(&self) -> bool {
        self.at == At::End
    }

    /// Takes in more of the body; gives the field when it becomes complete.
    ///
    /// Errors: the form cannot be read; nothing of it may go on.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Found>, Broken> {
        self.held.extend_from_slice(bytes);
        let found = self.read_on();
        // Once for all parts: a form may have very many.
        self.held.drain(..self.read.min(self.held.len()));
        self.read = 0;
        found
    }

    /// What is held and not read yet.
    fn rest(&self) -> &[u8] {
        self.held.get(self.read..).unwrap_or_default()
    }

    fn read_on(&mut self) -> Result<Option<Found>, Broken> {
        let mut found = None;
        loop {
            let more = match self.at {
                At::Content { wanted } => self.content(wanted, &mut found)?,
                At::Line => self.line()?,
                At::Head => self.head()?,
                At::End => {
                    // To a server that saw no end here, more of the form.
                    if !self.rest().iter().all(u8::is_ascii_whitespace) {
                        return Err(Broken::Malformed);
                    }
                    self.read = self.held.len();
                    false
                }
            };
            if !more {
                return Ok(found);
            }
        }
    }

    /// Whether the delimiter that ends the content is here.
    fn content(&mut self, wanted: bool, found: &mut Option<Found>) -> Result<bool, Broken> {
        let Some(at) = self.delimiter_at() else {
            let most = self.max_bytes + self.delimiter.len() + 4;
            if wanted && self.rest().len() > most {
                return Err(Broken::NoText);
            }
            if !wanted {
                // A delimiter may have begun in the last bytes, and so may the line before it.
                let keep = self.delimiter.len() + 2;
                self.skip(self.rest().len().saturating_sub(keep));
            }
            return Ok(false);
        };
        let content = self.rest().get(..at).unwrap_or_default();
        let begins_body = at == 0 && self.offset == 0;
        let content = match content.strip_suffix(b"\r\n") {
            Some(content) => content,
            None if begins_body => content,
            None => return Err(Broken::Malformed),
        };
        if wanted {
            let text = std::str::from_utf8(content).map_err(|_| Broken::NoText)?;
            if text.len() > self.max_bytes || text.chars().any(char::is_control) {
                return Err(Broken::NoText);
            }
            *found = Some(Found {
                start: self.offset,
                value: text.to_owned(),
            });
        }
        self.skip(at + self.delimiter.len());
        self.at = At::Line;
        Ok(true)
    }

    /// The place of the next delimiter.
    fn delimiter_at(&self) -> Option<usize> {
        let mut from = 0;
        loop {
            let rest = self.rest().get(from..)?;
            if (from > 0 || self.line) && rest.starts_with(&self.delimiter) {
                return Some(from);
            }
            from += rest.iter().position(ends_line)? + 1;
        }
    }

    /// The rest of a delimiter's line.
    fn line(&mut self) -> Result<bool, Broken> {
        if self.rest().starts_with(b"--") {
            self.skip(2);
            self.at = At::End;
            return Ok(true);
        }
        let Some(end) = self.rest().iter().position(|b| *b == b'\n') else {
            // A delimiter that goes on could be content.
            let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'-');
            let fits = self.rest().len() < self.delimiter.len() + 80;
            return match fits && self.rest().iter().all(blank) {
                true => Ok(false),
                false => Err(Broken::Malformed),
            };
        };
        let line = self.rest().get(..end).unwrap_or_default();
        let blank = |line: &[u8]| line.iter().all(|b| matches!(b, b' ' | b'\t'));
        if !line.strip_suffix(b"\r").is_some_and(blank) {
            return Err(Broken::Malformed);
        }
        self.skip(end + 1);
        self.at = At::Head;
        Ok(true)
    }

    /// The lines before a part's content.
    fn head(&mut self) -> Result<bool, Broken> {
        let size = self.rest().len().min(MAX_HEAD_BYTES);
        let here = self.rest().get(..size).unwrap_or_default();
        let Some(end) = here.windows(4).position(|four| four == b"\r\n\r\n") else {
            return match self.rest().len() < MAX_HEAD_BYTES {
                true => Ok(false),
                false => Err(Broken::Malformed),
            };
        };
        let head = here.get(..end).unwrap_or_default();
        let wanted = match part::name(head, &self.delimiter).ok_or(Broken::Malformed)? {
            Named::As(name) if name == self.name => true,
            // What another server may take for it.
            Named::As(name) | Named::Oddly(name) if part::plain(&name) == self.name => {
                return Err(Broken::NoText);
            }
            _ => false,
        };
        if wanted && std::mem::replace(&mut self.seen, true) {
            return Err(Broken::Twice);
        }
        self.skip(end + 4);
        self.at = At::Content { wanted };
        Ok(true)
    }

    fn skip(&mut self, count: usize) {
        let Some(last) = count.checked_sub(1) else {
            return;
        };
        self.line = self.rest().get(last).is_some_and(ends_line);
        self.read += count;
        self.offset += count;
    }
}

fn ends_line(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: audio/wav\r\n\r\nRI\n--b\r\nFF\r\n--b1\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b1\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b1--\r\n";

    fn finder() -> Finder {
        Finder::new("b1", "model", 20)
    }

    fn all(form: &str, size: usize) -> Result<(Option<Found>, bool), Broken> {
        let (mut finder, mut found) = (finder(), None);
        for chunk in form.as_bytes().chunks(size) {
            let new = finder.push(chunk)?;
            assert!(new.is_none() || found.is_none());
            found = found.or(new);
        }
        Ok((found, finder.is_complete()))
    }

    #[test]
    fn very_many_parts_take_time_by_their_bytes_alone() {
        let part = "--b1\r\nContent-Disposition:form-data;name=x\r\n\r\n\r\n";
        let form = part.repeat(100_000);
        let began = std::time::Instant::now();
        assert_eq!(all(&form, form.len()), Ok((None, false)));
        // 200 GB would be moved if each part moved the rest.
        assert!(began.elapsed().as_secs() < 5);
    }

    #[test]
    fn a_field_is_found_at_its_place_however_the_body_is_cut() {
        let want = Found {
            start: FORM.find("whisper").unwrap(),
            value: "whisper-1".into(),
        };
        for size in 1..=FORM.len() {
            assert_eq!(all(FORM, size), Ok((Some(want.clone()), true)), "{size}");
        }
    }

    #[test]
    fn a_field_is_found_in_every_plain_form() {
        for head in [
            "Content-Disposition: form-data; name=model",
            "content-disposition:FORM-DATA;name=\"model\";",
            "X: y\r\nContent-Disposition: form-data;\tname=\"model\" ; a=\"x;y\"",
            "Content-Disposition: form-data; a=\"b\\\\\"; NAME=\"model\"",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=\"model\"",
            "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: 8Bit",
        ] {
            let form = format!("preamble\r\n--b1  \r\n{head}\r\n\r\nm\r\n--b1--\r\n");
            for size in [1, 7, 1000] {
                let found = all(&form, size).unwrap().0.unwrap();
                assert_eq!(found.value, "m", "{head}");
                assert_eq!(form.get(found.start..=found.start), Some("m"));
            }
        }
    }

    #[test]
    fn other_fields_and_their_contents_are_not_it() {
        let form = "--b1\r\nContent-Disposition: form-data; name=\"model2\"\r\n\r\nx--b1x is not at a line's start: --b1\r\nname=\"model\"\r\n\r\n\r\n--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"my \\\"model\\\".wav\"\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n--b1--\r\n\r\n";
        for size in [1, 5, 1000] {
            assert_eq!(all(form, size), Ok((None, true)));
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let part = |head: &str, value: &str| format!("--b1\r\n{head}\r\n\r\n{value}\r\n");
        let model = "Content-Disposition: form-data; name=\"model\"";
        let of = |rest: &str| part(&format!("Content-Disposition: {rest}"), "a");
        let file = part("Content-Disposition: form-data; name=\"file\"", "x");
        let long = "x".repeat(30);
        for (form, want) in [
            (part(model, "a") + &part(model, "b"), Broken::Twice),
            (
                part(&format!("{model}; filename=\"a\""), "a"),
                Broken::NoText,
            ),
            (
                part(
                    &format!("{model}\r\nContent-Transfer-Encoding: base64"),
                    "YQ==",
                ),
                Broken::NoText,
            ),
            (part(model, "a\nb"), Broken::NoText),
            (part(model, &long), Broken::NoText),
            // Names that some servers decode, trim or put together.
            (of("form-data; name=\"Model\""), Broken::NoText),
            (of("form-data; name=\"model[]\""), Broken::NoText),
            (of("form-data; name=\" model\u{a0}\""), Broken::NoText),
            (of("form-data; name*=utf-8''m%6Fdel"), Broken::Malformed),
            (
                of("form-data; name*0=\"mo\"; name*1=\"del\""),
                Broken::Malformed,
            ),
            (
                of("form-data; name=a; name*=utf-8''m%6Fdel"),
                Broken::Malformed,
            ),
            (of("form-data; name=\"m%6Fdel\""), Broken::Malformed),
            (
                of("form-data; name=\"=?utf-8?q?model?=\""),
                Broken::Malformed,
            ),
            (of("form-data; name=\"mo\\del\""), Broken::Malformed),
            (of("form-data; name=a; name=model"), Broken::Malformed),
            (of("form-data; name=<model>"), Broken::Malformed),
            (of("form-data; name =model"), Broken::Malformed),
            (of("form-data; name=a model"), Broken::Malformed),
            (of("form-data; name=\"model"), Broken::Malformed),
            (
                of("form-data; x=\"a\\\"; name=\"model\""),
                Broken::Malformed,
            ),
            (
                of("form-data; name=a; x=\"a\\\"; name=\\\"model\""),
                Broken::Malformed,
            ),
            (of("form-data; name=a; (x) name=model"), Broken::Malformed),
            (of("form-data name=model"), Broken::Malformed),
            (of("form-dat\u{a1}; name=model"), Broken::Malformed),
            (of("form-dada; name=model"), Broken::Malformed),
            (of("form-data"), Broken::Malformed),
            (of("name=model"), Broken::Malformed),
            (of("form-data, name=model"), Broken::Malformed),
            (of("form-data; (x) name=model"), Broken::Malformed),
            (
                of(&format!("form-data; name=a\r\n{model}")),
                Broken::Malformed,
            ),
            // Parts that begin, or whose heads end, elsewhere for another server.
            (part("X: y", "a"), Broken::Malformed),
            (part("", "a"), Broken::Malformed),
            (
                of("form-data; name=a\r\nContent-Disposition : form-data; name=model"),
                Broken::Malformed,
            ),
            (
                part("Content-Disposition: form-data; name=a", "")
                    .replace("\r\n\r\n\r\n", "\r\n\r\n"),
                Broken::Malformed,
            ),
            (
                part("Content-Disposition: form-data;\r\n name=model", "a"),
                Broken::Malformed,
            ),
            (
                part(&format!("{model}\r\revil\r\n--b1\r\nX: y"), "a"),
                Broken::Malformed,
            ),
            (part(&format!("{model}\r\n--b1: y"), "a"), Broken::Malformed),
            (part(&format!("X: y\n\r\n{model}"), "a"), Broken::Malformed),
            (
                part(model, "a").replace("b1\r\n", "b1\n"),
                Broken::Malformed,
            ),
            (
                part(model, "a") + &file.replace("x\r\n", "x\r--b1\r\n"),
                Broken::Malformed,
            ),
            (
                part(model, "a") + &file.replace("x\r\n", "x\n--b1\n"),
                Broken::Malformed,
            ),
            (
                file.clone() + "--b1--x\r\n" + &part(model, "a"),
                Broken::Malformed,
            ),
            (
                file.clone() + "--b1--\r\n" + &part(model, "a"),
                Broken::Malformed,
            ),
            ("--b1x\r\n".to_owned(), Broken::Malformed),
            (
                format!("--b1\r\n{}", "A: b\r\n".repeat(2000)),
                Broken::Malformed,
            ),
        ] {
            for size in [1, 3, 100_000] {
                let got = all(&format!("{form}--b1--"), size);
                assert_eq!(got, Err(want), "{form:.120} {size}");
            }
        }
    }

    #[test]
    fn little_is_held_of_what_is_not_wanted() {
        let mut finder = finder();
        finder
            .push(b"--b1\r\nContent-Disposition: form-data; name=f\r\n\r\n")
            .unwrap();
        for _ in 0..1000 {
            finder.push(&[b'\n'; 1000]).unwrap();
            assert!(finder.held.len() < 10);
        }
        assert!(!finder.is_complete());
    }

    #[test]
    fn what_never_ends_is_not_held() {
        for (start, more) in [
            (
                "--b1\r\nContent-Disposition: form-data; name=model\r\n\r\n",
                "x",
            ),
            ("--b1", " "),
            ("--b1\r\n", "X: y\r\n"),
        ] {
            let mut finder = finder();
            finder.push(start.as_bytes()).unwrap();
            let ends = (0..MAX_HEAD_BYTES).find(|_| finder.push(more.as_bytes()).is_err());
            assert!(ends.is_some(), "{start}");
        }
        let mut finder = finder();
        finder
            .push(b"--b1\r\nContent-Disposition: form-data; name=model\r\n\r\n")
            .unwrap();
        assert_eq!(finder.push(&[b'x'; 60]), Err(Broken::NoText));
    }

    #[test]
    fn a_boundary_is_one_or_none() {
        for (kind, want) in [
            ("multipart/form-data; boundary=a-1", Some("a-1")),
            (
                "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"",
                Some("a b"),
            ),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary=\"a\\\"b\"", None),
            ("multipart/form-data; boundary=\"a \"", None),
            ("multipart/form-data; boundary=a; boundary=b", None),
            ("multipart/mixed; boundary=a", None),
            ("application/json", None),
        ] {
            assert_eq!(boundary(kind), want, "{kind}");
            let again = want.map(content_type);
            assert_eq!(again.as_deref().and_then(boundary), want, "{kind}");
        }
    }
}
