//! Images, documents and sound: data that the request itself carries, or that lies in S3.
//!
//! Converse fetches nothing from an address.
//! Source: Amazon Bedrock API reference, "ImageBlock", "DocumentBlock", "AudioBlock", "S3Location";
//! read 2026-11.

use super::wire::Source;
use crate::{
    fault::{Fault, FaultKind},
    json::{Long, Quoted},
    provider::anthropic::media::data_url,
};
use std::{borrow::Cow, collections::BTreeMap, fmt::Display};

/// `(media type, ending, format)`.
type Formats = &'static [(&'static str, &'static str, &'static str)];

const IMAGES: Formats = &[
    ("image/png", "png", "png"),
    ("image/jpeg", "jpg", "jpeg"),
    ("image/jpg", "jpeg", "jpeg"),
    ("image/gif", "gif", "gif"),
    ("image/webp", "webp", "webp"),
];

const DOCUMENTS: Formats = &[
    ("application/pdf", "pdf", "pdf"),
    ("text/csv", "csv", "csv"),
    ("application/msword", "doc", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
        "xlsx",
    ),
    ("text/html", "html", "html"),
    ("text/plain", "txt", "txt"),
    ("text/markdown", "md", "md"),
];

/// An image: its format and where it is. `place` names the URL in a fault.
pub(super) fn image<'a>(
    url: Quoted<'a>,
    place: impl Display,
) -> Result<(&'static str, Source<'a>), Fault> {
    const WANT: &str = "must be a data URL of a PNG, JPEG, GIF or WebP image in base64, or an s3:// address that ends in its format; this model's provider fetches no other address";
    find(url, IMAGES).ok_or_else(|| refused(&place, WANT))
}

/// A document: its format and where it is. `place` names the data in a fault.
pub(super) fn document<'a>(
    data: Quoted<'a>,
    place: impl Display,
) -> Result<(&'static str, Source<'a>), Fault> {
    const WANT: &str = "must be a data URL in base64, or an s3:// address that ends in its format, of a PDF, text, Markdown, HTML, CSV, Word or Excel document";
    find(data, DOCUMENTS).ok_or_else(|| refused(&place, WANT))
}

fn find(url: Quoted<'_>, formats: Formats) -> Option<(&'static str, Source<'_>)> {
    if url.inner().starts_with("s3:") {
        let uri = url.text();
        let (_, ending) = uri.strip_prefix("s3://")?.rsplit_once('.')?;
        let ending = ending.to_ascii_lowercase();
        let (.., format) = formats.iter().find(|(_, end, _)| *end == ending)?;
        return Some((format, Source::S3Location { uri }));
    }
    let data = data_url(url)?;
    let kind = &*data.media_type;
    let (.., format) = formats.iter().find(|(known, ..)| *known == kind)?;
    Some((format, Source::Bytes(Long(data.base64))))
}

/// Most characters of a document's name. Source: "DocumentBlock", field `name`.
const MAX_NAME: usize = 200;

/// The names that are taken, each with the number that it has last been tried with.
pub(super) type Names = BTreeMap<String, u32>;

/// A document's name with the characters that are allowed: letters, digits, hyphens, parentheses,
/// square brackets, and white space that never stands twice. No two documents share one.
pub(super) fn document_name(file: Option<Quoted<'_>>, taken: &mut Names) -> String {
    let file = file.map(Quoted::text).unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(&*file, |(stem, _)| stem);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-()[]".contains(c);
    let words = stem.split(|c| !plain(c)).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join(" ");
    // Room for a number; every character is one byte by now.
    name.truncate(MAX_NAME - 10);
    let name = match name.trim_end() {
        "" => "document".to_owned(),
        name => name.to_owned(),
    };
    let Some(mut number) = taken.get(&name).copied() else {
        taken.insert(name.clone(), 1);
        return name;
    };
    // Numbers that have been tried are not tried again: there may be thousands of one name.
    let unique = loop {
        number += 1;
        let unique = format!("{name} ({number})");
        if !taken.contains_key(&unique) {
            break unique;
        }
    };
    taken.insert(name, number);
    taken.insert(unique.clone(), 1);
    unique
}

/// Sound. `place` names the part in a fault.
pub(super) fn audio<'a>(
    format: &str,
    data: Cow<'a, str>,
    place: impl Display,
) -> Result<(&'static str, Source<'a>), Fault> {
    let format = match format {
        "wav" => "wav",
        "mp3" => "mp3",
        _ => return Err(refused(&place, "must be WAV or MP3 in base64")),
    };
    Ok((format, Source::Bytes(Long(data))))
}

fn refused(place: &impl Display, want: &str) -> Fault {
    Fault::new(FaultKind::Unsupported, format!("`{place}` {want}.")).at(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn quoted(text: &str) -> Quoted<'_> {
        Quoted::of(serde_json::from_str(text).unwrap()).unwrap()
    }

    fn said(found: Result<(&'static str, Source<'_>), Fault>) -> Option<String> {
        let (format, source) = found.ok()?;
        Some(format!("{format} {}", json::written(&source)))
    }

    #[test]
    fn media_is_bytes_or_lies_in_s3() {
        let images = [
            (
                r#""data:image/jpg;base64,aGk=""#,
                Some(r#"jpeg {"bytes":"aGk="}"#),
            ),
            (
                r#""s3://bucket/a.b/c.PNG""#,
                Some(r#"png {"s3Location":{"uri":"s3://bucket/a.b/c.PNG"}}"#),
            ),
            (r#""s3://bucket/photo""#, None),
            (r#""https://example.com/a.png""#, None),
            (r#""data:image/tiff;base64,aGk=""#, None),
            (r#""data:image/png;base64,""#, None),
        ];
        for (url, want) in images {
            assert_eq!(said(image(quoted(url), "p")).as_deref(), want, "{url}");
        }
        assert_eq!(
            said(document(quoted(r#""data:text/markdown;base64,aGk=""#), "p")).as_deref(),
            Some(r#"md {"bytes":"aGk="}"#)
        );
    }

    #[test]
    fn a_document_s_name_is_plain_and_its_own() {
        let mut taken = Names::new();
        let mut name = |file: &str| document_name(Some(quoted(file)), &mut taken);
        assert_eq!(
            name(r#""Q3__report (final).v2.pdf""#),
            "Q3 report (final) v2"
        );
        assert_eq!(
            name(r#""Q3 report (final)  v2.txt""#),
            "Q3 report (final) v2 (2)"
        );
        assert_eq!(name(r#""\u00fc.pdf""#), "document");
        assert_eq!(name(r#""""#), "document (2)");
        assert_eq!(name(&format!("\"{}\"", "a".repeat(300))).len(), 190);
        assert_eq!(document_name(None, &mut taken), "document (3)");
    }
}
