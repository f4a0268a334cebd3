//! `multipart/form-data`: finds one field of a form that passes by in pieces.
//!
//! Servers read forms more or less leniently, and what one of them takes for the field must not
//! escape here. So a delimiter counts at every beginning of a line, whichever line end is before it,
//! and what could be read in two ways is an error.
//! Source: RFC 7578; RFC 2046, section 5.1.1.

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

impl Finder {
    /// Looks for the field `name` of at most `max_bytes` in a form with this boundary.
    pub fn new(boundary: &str, name: &'static str, max_bytes: usize) -> Self {
        Self {
            name,
            max_bytes,
            delimiter: ["--", boundary].concat().into_bytes(),
            held: Vec::new(),
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
        let mut found = None;
        loop {
            let more = match self.at {
                At::Content { wanted } => self.content(wanted, &mut found)?,
                At::Line => self.line()?,
                At::Head => self.head()?,
                At::End => {
                    self.held.clear();
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
            if wanted && self.held.len() > most {
                return Err(Broken::NoText);
            }
            if !wanted {
                // A delimiter may have begun in the last bytes, and so may the line before it.
                let keep = self.delimiter.len() + 2;
                self.skip(self.held.len().saturating_sub(keep));
            }
            return Ok(false);
        };
        if wanted {
            let content = self.held.get(..at).unwrap_or_default();
            let content = content.strip_suffix(b"\n").unwrap_or(content);
            let content = content.strip_suffix(b"\r").unwrap_or(content);
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
            let rest = self.held.get(from..)?;
            if (from > 0 || self.line) && rest.starts_with(&self.delimiter) {
                return Some(from);
            }
            from += rest.iter().position(|b| *b == b'\n')? + 1;
        }
    }

    /// The rest of a delimiter's line.
    fn line(&mut self) -> Result<bool, Broken> {
        if self.held.starts_with(b"--") {
            self.at = At::End;
            return Ok(true);
        }
        let Some(end) = self.held.iter().position(|b| *b == b'\n') else {
            // A delimiter that goes on could be content.
            let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'-');
            let fits = self.held.len() < self.delimiter.len() + 80;
            return match fits && self.held.iter().all(blank) {
                true => Ok(false),
                false => Err(Broken::Malformed),
            };
        };
        let line = self.held.get(..end).unwrap_or_default();
        if !line.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r')) {
            return Err(Broken::Malformed);
        }
        self.skip(end + 1);
        self.at = At::Head;
        Ok(true)
    }

    /// The lines before a part's content.
    fn head(&mut self) -> Result<bool, Broken> {
        let (mut from, mut end) = (0, None);
        while let Some(rest) = self.held.get(from..) {
            let Some(length) = rest.iter().position(|b| *b == b'\n') else {
                break;
            };
            let line = rest.get(..length).unwrap_or_default();
            from += length + 1;
            if line.is_empty() || line == b"\r" {
                end = Some(from);
                break;
            }
        }
        let Some(end) = end.filter(|end| *end <= MAX_HEAD_BYTES) else {
            if self.held.len() > MAX_HEAD_BYTES {
                return Err(Broken::Malformed);
            }
            return Ok(false);
        };
        let head = self.held.get(..end).unwrap_or_default();
        let head = String::from_utf8_lossy(head).into_owned();
        let wanted = self.is_wanted(&head)?;
        self.skip(end);
        self.at = At::Content { wanted };
        Ok(true)
    }

    /// Whether a part is the field.
    fn is_wanted(&mut self, head: &str) -> Result<bool, Broken> {
        // A line that begins with a blank belongs to the one before.
        let head = head.replace("\r\n", "\n").replace(['\r', '\0'], "\n");
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let (mut wanted, mut odd) = (false, false);
        for line in head.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let name = name.trim();
            if name.eq_ignore_ascii_case("content-disposition") {
                for (key, value) in parameters(value) {
                    wanted |= key.starts_with("name") && value == self.name;
                    odd |= key.starts_with("filename") || key == "name*";
                }
            }
            odd |= name.eq_ignore_ascii_case("content-transfer-encoding");
        }
        if !wanted {
            return Ok(false);
        }
        if self.seen {
            return Err(Broken::Twice);
        }
        if odd {
            return Err(Broken::NoText);
        }
        self.seen = true;
        Ok(true)
    }

    fn skip(&mut self, count: usize) {
        let Some(last) = count.checked_sub(1) else {
            return;
        };
        self.line = self.held.get(last) == Some(&b'\n');
        self.held.drain(..count.min(self.held.len()));
        self.offset += count;
    }
}

/// The parameters of a header's value, names in lower case, quotes and RFC 8187's prefix removed.
fn parameters(value: &str) -> Vec<(String, String)> {
    let (mut out, mut rest) = (Vec::new(), value);
    while let Some((_, after)) = rest.split_once(';') {
        let Some((key, after)) = after.split_once('=') else {
            break;
        };
        // What came before without a value is none of ours.
        let key = key.rsplit(';').next().unwrap_or(key);
        let after = after.trim_start();
        let value = match after.strip_prefix('"') {
            Some(quoted) => {
                let (mut text, mut characters) = (String::new(), quoted.char_indices());
                rest = "";
                while let Some((at, c)) = characters.next() {
                    match c {
                        '"' => {
                            rest = quoted.get(at..).unwrap_or_default();
                            break;
                        }
                        '\\' => text.extend(characters.next().map(|(_, c)| c)),
                        c => text.push(c),
                    }
                }
                text
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                rest = after.get(end..).unwrap_or_default();
                let text = after.get(..end).unwrap_or_default().trim();
                text.rsplit('\'').next().unwrap_or(text).to_owned()
            }
        };
        out.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    out
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
    fn a_form_is_read_as_leniently_as_any_server_might() {
        for head in [
            "Content-Disposition: form-data; name=model",
            "content-disposition:form-data;name = \"model\" ",
            "Content-Disposition: form-data;\r\n\tname=\"model\"",
            "X: y\r\nContent-Disposition: form-data; name=\"mo\\del\"",
            "Content-Disposition: form-data; x; name=\"model\"",
            "Content-Disposition: attachment; a=\"x;y\"; NAME=\"model\"",
        ] {
            let form = format!("preamble\n--b1  \n{head}\r\n\r\nm\n--b1--");
            for size in [1, 7, 1000] {
                let found = all(&form, size).unwrap().0.unwrap();
                assert_eq!(found.value, "m", "{head}");
                assert_eq!(form.get(found.start..=found.start), Some("m"));
            }
        }
    }

    #[test]
    fn other_fields_and_their_contents_are_not_it() {
        let form = "--b1\r\nContent-Disposition: form-data; name=\"model2\"\r\n\r\nx--b1x is not at a line's start: --b1\r\nname=\"model\"\r\n\r\n\r\n--b1--\r\n--b1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nepilogue\r\n--b1--";
        for size in [1, 5, 1000] {
            assert_eq!(all(form, size), Ok((None, true)));
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let part = |head: &str, value: &str| format!("--b1\r\n{head}\r\n\r\n{value}\r\n");
        let model = "Content-Disposition: form-data; name=\"model\"";
        let long = "x".repeat(30);
        for (form, want) in [
            (part(model, "a") + &part(model, "b"), Broken::Twice),
            // A second one behind a line feed alone.
            (
                part(model, "a")
                    + &part("A: b", "x").replace("\r\n", "\n")
                    + "--b1\n"
                    + model
                    + "\n\nb\n--b1--",
                Broken::Twice,
            ),
            (
                part(&format!("{model}; filename=\"a\""), "a"),
                Broken::NoText,
            ),
            (
                part("Content-Disposition: form-data; name*=utf-8''model", "a"),
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
            ("--b1x\r\n".to_owned(), Broken::Malformed),
            (
                format!("--b1\r\n{}", "A: b\r\n".repeat(2000)),
                Broken::Malformed,
            ),
        ] {
            for size in [1, 3, 100_000] {
                let got = all(&format!("{form}--b1--"), size);
                assert_eq!(got, Err(want), "{form:.80} {size}");
            }
        }
    }

    #[test]
    fn little_is_held_of_what_is_not_wanted() {
        let mut finder = finder();
        finder.push(b"--b1\r\n\r\n").unwrap();
        for _ in 0..1000 {
            finder.push(&[b'\n'; 1000]).unwrap();
            assert!(finder.held.len() < 10);
        }
        assert!(!finder.is_complete());
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
            ("multipart/form-data; boundary=a; boundary=b", None),
            ("multipart/mixed; boundary=a", None),
            ("application/json", None),
        ] {
            assert_eq!(boundary(kind), want, "{kind}");
        }
    }
}
