//! The head of a part of a form: what the part is called, where that cannot be read in two ways.
//! Source: RFC 7578, section 4.2; RFC 9110, section 5.6.2 (token). The tests are those of `form`.

/// The name of a part.
pub(super) enum Named {
    /// Of a plain field.
    As(String),
    /// Of a file, or of what is encoded.
    Oddly(String),
}

/// The name in the lines before a part's content. `None`: they do not keep to the grammar, or have none.
/// `delimiter`: what separates the parts, which does not belong here.
pub(super) fn name(head: &[u8], delimiter: &[u8]) -> Option<Named> {
    let (mut name, mut odd) = (None, false);
    let head = String::from_utf8_lossy(head);
    for line in head.split("\r\n") {
        let (key, value) = line.split_once(':')?;
        let delimits = line.as_bytes().starts_with(delimiter);
        let control = |c: char| c.is_control() && c != '\t';
        if delimits || !is_token(key) || value.contains(control) {
            return None;
        }
        if key.eq_ignore_ascii_case("content-disposition") {
            let said = disposition(value)?;
            odd |= said.file;
            if name.replace(said.name).is_some() {
                return None;
            }
        }
        // Some clients say so of plain text.
        let as_it_is =
            ["7bit", "8bit", "binary"].map(|word| word.eq_ignore_ascii_case(value.trim()));
        odd |= key.eq_ignore_ascii_case("content-transfer-encoding") && !as_it_is.contains(&true);
    }
    let name = name?;
    Some(if odd {
        Named::Oddly(name)
    } else {
        Named::As(name)
    })
}

/// What is left of a name when a server takes brackets, case or blanks as its own.
pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

struct Disposition {
    name: String,
    file: bool,
}

/// `form-data; name="x"; filename="y"`. `None`: it is something else, or could be read as such.
fn disposition(value: &str) -> Option<Disposition> {
    let value = value.trim_matches([' ', '\t']);
    let kind = value.get(.."form-data".len())?;
    let mut rest = value.get(kind.len()..)?;
    if !kind.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut file) = (None, false);
    while !rest.is_empty() {
        rest = rest.trim_start_matches([' ', '\t']).strip_prefix(';')?;
        rest = rest.trim_start_matches([' ', '\t']);
        let Some((key, after)) = rest.split_once('=') else {
            return rest.is_empty().then_some(Disposition { name: name?, file });
        };
        let (text, escaped, behind) = match after.strip_prefix('"') {
            Some(after) => quoted(after)?,
            None => {
                let end = after.find([';', ' ', '\t']).unwrap_or(after.len());
                let (text, behind) = after.split_at_checked(end)?;
                (text, !is_token(text), behind)
            }
        };
        rest = behind;
        if !is_token(key) {
            return None;
        }
        let key = key.to_ascii_lowercase();
        file |= key.starts_with("filename");
        if key == "name" {
            let encoded = text.contains('%') || text.contains("=?");
            if escaped || encoded || name.replace(text.to_owned()).is_some() {
                return None;
            }
        } else if key.starts_with("name*") {
            return None; // encoded, or in parts
        }
    }
    Some(Disposition { name: name?, file })
}

/// The text up to the next quote, whether there are escapes in it, and what is behind. `None`: it does
/// not end, or ends elsewhere for a server that knows no escapes.
fn quoted(text: &str) -> Option<(&str, bool, &str)> {
    let mut escaped = false;
    let end = text.find(|c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    let (inside, rest) = text.split_at_checked(end)?;
    let early = inside.contains("\\\"") && inside.contains(';');
    let rest = rest.strip_prefix('"')?;
    (!early).then_some((inside, inside.contains('\\'), rest))
}

/// RFC 9110's token.
pub(super) fn is_token(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(fits)
}
