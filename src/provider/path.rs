//! A name as one segment of a path.

use std::fmt::Write as _;

/// Percent-encodes a name, once, all but the characters that never mean anything in a path and those
/// in `kept`: what it holds can neither end the segment nor begin a query. What signs the request encodes the path again, as signature version 4 wants it.
/// Source: RFC 3986, section 2.3; AWS, "Signature Version 4: create a canonical request", read 2026-11.
pub(super) fn segment(name: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment_whatever_it_holds() {
        assert_eq!(
            segment("us.anthropic.claude-sonnet-4-5-20250929-v1:0", b""),
            "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
        );
        assert_eq!(
            segment(
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/a.b-v1:0",
                b""
            ),
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fa.b-v1%3A0"
        );
        assert_eq!(
            segment("../a@b?c#%3A \u{e9}", b"@"),
            "..%2Fa@b%3Fc%23%253A%20%C3%A9"
        );
    }
}
