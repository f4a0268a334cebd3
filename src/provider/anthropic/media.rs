//! Images and documents: addresses, and data that the request itself carries.
//! Source: docs.claude.com, "Vision", "PDF support", "Files API"; read 2026-11.

use super::wire::Source;
use crate::{
    fault::{Fault, FaultKind},
    json::{Long, Quoted},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{borrow::Cow, fmt::Display};

/// An image. `place` names the URL in a fault.
pub(super) fn image<'a>(url: Quoted<'a>, place: impl Display) -> Result<Source<'a>, Fault> {
    const WANT: &str =
        "must be an http(s) address or a data URL of a JPEG, PNG, GIF or WebP image in base64";
    let start = url.inner().get(..4).unwrap_or_default();
    if start.eq_ignore_ascii_case("http") {
        let address = url.text().to_ascii_lowercase();
        if ["http://", "https://"]
            .iter()
            .any(|scheme| address.starts_with(scheme))
        {
            return Ok(Source::Url { url });
        }
    }
    let data = data_url(url).ok_or_else(|| refused(&place, WANT))?;
    let media_type = match &*data.media_type {
        "image/jpeg" | "image/jpg" => "image/jpeg",
        "image/png" => "image/png",
        "image/gif" => "image/gif",
        "image/webp" => "image/webp",
        _ => return Err(refused(&place, WANT)),
    };
    Ok(Source::Base64 {
        media_type,
        data: Long(data.base64),
    })
}

/// A document. `place` names the data in a fault.
pub(super) fn document<'a>(data: Quoted<'a>, place: impl Display) -> Result<Source<'a>, Fault> {
    const WANT: &str = "must be a data URL of a PDF or plain text in base64";
    let data = data_url(data).ok_or_else(|| refused(&place, WANT))?;
    match &*data.media_type {
        "application/pdf" => Ok(Source::Base64 {
            media_type: "application/pdf",
            data: Long(data.base64),
        }),
        "text/plain" => {
            let bytes = STANDARD.decode(data.base64.as_bytes()).unwrap_or_default();
            let text = String::from_utf8(bytes).unwrap_or_default();
            if text.trim().is_empty() {
                return Err(refused(&place, WANT));
            }
            Ok(Source::Text {
                media_type: "text/plain",
                data: text,
            })
        }
        _ => Err(refused(&place, WANT)),
    }
}

/// A `data:` URL in base64.
pub(in crate::provider) struct DataUrl<'a> {
    /// In lower case.
    pub(in crate::provider) media_type: String,
    pub(in crate::provider) base64: Cow<'a, str>,
}

/// `data:<type>[;<parameter>]*;base64,<data>`. Source: RFC 2397.
pub(in crate::provider) fn data_url(url: Quoted<'_>) -> Option<DataUrl<'_>> {
    let rest = match url.text() {
        Cow::Borrowed(text) => Cow::Borrowed(strip_scheme(text)?),
        Cow::Owned(text) => Cow::Owned(strip_scheme(&text)?.to_owned()),
    };
    let comma = rest.find(',')?;
    let head = rest.get(..comma)?.to_ascii_lowercase();
    let base64 = match rest {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(comma + 1..)?),
        Cow::Owned(text) => Cow::Owned(text.get(comma + 1..)?.to_owned()),
    };
    let media_type = head.strip_suffix(";base64")?;
    let media_type = media_type.split(';').next()?.trim().to_owned();
    (!base64.is_empty()).then_some(DataUrl { media_type, base64 })
}

fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked(5)?;
    scheme.eq_ignore_ascii_case("data:").then_some(rest)
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

    fn written(source: Result<Source<'_>, Fault>) -> Result<String, String> {
        source
            .map(|source| json::written(&source))
            .map_err(|fault| fault.message.into_owned())
    }

    #[test]
    fn an_image_is_an_address_or_bare_base64() {
        let cases = [
            (
                r#""https://example.com/a.png?x=1""#,
                r#"{"type":"url","url":"https://example.com/a.png?x=1"}"#,
            ),
            (
                r#""HTTPS:\/\/example.com\/a""#,
                r#"{"type":"url","url":"HTTPS:\/\/example.com\/a"}"#,
            ),
            (
                r#""data:image/png;base64,iVBO/w==""#,
                r#"{"type":"base64","media_type":"image/png","data":"iVBO/w=="}"#,
            ),
            (
                r#""data:image\/JPG;charset=x;base64,aGk\/""#,
                r#"{"type":"base64","media_type":"image/jpeg","data":"aGk/"}"#,
            ),
        ];
        for (url, want) in cases {
            assert_eq!(
                written(image(quoted(url), "p")),
                Ok(want.to_owned()),
                "{url}"
            );
        }
        for url in [
            r#""data:image/tiff;base64,aGk=""#,
            r#""data:image/png,raw""#,
            r#""data:image/png;base64,""#,
            r#""file:///etc/passwd""#,
            r#""httpx""#,
            r#""h""#,
        ] {
            assert_eq!(
                written(image(quoted(url), "p")),
                Err("`p` must be an http(s) address or a data URL of a JPEG, PNG, GIF or WebP image in base64.".to_owned()),
                "{url}"
            );
        }
    }

    #[test]
    fn a_document_is_a_pdf_or_text() {
        let cases = [
            (
                r#""data:application/pdf;base64,JVBERi0=""#,
                Ok(r#"{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}"#),
            ),
            (
                r#""data:text/plain;base64,aMOpbGxv""#,
                Ok("{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"h\u{e9}llo\"}"),
            ),
            (
                r#""JVBERi0=""#,
                Err("`p` must be a data URL of a PDF or plain text in base64."),
            ),
            (
                r#""data:text/plain;base64,####""#,
                Err("`p` must be a data URL of a PDF or plain text in base64."),
            ),
        ];
        for (data, want) in cases {
            let want = want.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(written(document(quoted(data), "p")), want, "{data}");
        }
    }
}
