//! Images, documents and sound: data that the request carries, and addresses that the API reads itself.
//!
//! The gateway never fetches an address. What the API can read itself depends on the API: uploads of
//! its own Files API and public https addresses there, Cloud Storage and public addresses on Vertex. An
//! address needs its media type beside it, which only the ending of its path tells.
//! Source: ai.google.dev, "File input methods" (inline data, Files API, external URLs: not for the 2.0
//! models), "Image understanding", "Audio understanding"; docs.cloud.google.com, "FileData"; read 2026-11.

use super::{
    Home,
    wire::{FileData, InlineData, Part},
};
use crate::{
    fault::{Fault, FaultKind},
    json::{Long, Quoted},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt::Display};

/// Where uploads of the Gemini API live. Source: ai.google.dev, "Files API", field `uri`.
const UPLOADS: &str = "https://generativelanguage.googleapis.com/";

/// Media types by the ending of a name.
const ENDINGS: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("aac", "audio/aac"),
    ("aiff", "audio/aiff"),
    ("m4a", "audio/m4a"),
    ("mp4", "video/mp4"),
    ("mov", "video/mov"),
    ("webm", "video/webm"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpg"),
];

/// An image or a document by its data or its address. `place` names the field in a fault, `name` is the
/// client's name for the file.
///
/// Errors: `Unsupported` that says what to send instead.
pub(super) fn media<'a>(
    url: Quoted<'a>,
    name: Option<Quoted<'a>>,
    home: &Home,
    place: impl Display,
) -> Result<Part<'a>, Fault> {
    if let Some(data) = data_url(url) {
        return Ok(Part {
            inline_data: Some(data),
            ..Part::default()
        });
    }
    let text = url.text();
    let scheme = text
        .split(':')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let address = match (home, scheme.as_str()) {
        (Home::Gemini, _) if text.starts_with("files/") => {
            Some((Cow::Owned(format!("{UPLOADS}v1beta/{text}")), true))
        }
        (Home::Gemini, "https") => {
            let upload = text.starts_with(UPLOADS);
            Some((text, upload))
        }
        (Home::Vertex { .. }, "gs" | "https") => Some((text, false)),
        _ => None,
    };
    let (file_uri, knows_type) = address.ok_or_else(|| refused(home, &place))?;
    let named = name.and_then(|name| by_ending(&name.text()));
    let mime_type = named.or_else(|| by_ending(path_of(&file_uri)));
    if mime_type.is_none() && !knows_type && !is_video_page(&file_uri) {
        return Err(refused(home, &place));
    }
    Ok(Part {
        file_data: Some(FileData {
            mime_type,
            file_uri,
        }),
        ..Part::default()
    })
}

#[derive(Deserialize)]
struct Audio<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    format: Option<&'a RawValue>,
}

/// Sound: OpenAI's `input_audio` object.
///
/// Errors: `BadRequest` that names the field.
pub(super) fn audio<'a>(raw: &'a RawValue, place: impl Display) -> Result<Part<'a>, Fault> {
    let wrong = |field: &str, want: &str| {
        let place = format!("{place}.{field}");
        Fault::new(FaultKind::BadRequest, format!("`{place}` must be {want}.")).at(place)
    };
    let fields: Audio<'a> = serde_json::from_str(raw.get()).map_err(|_| {
        let message = format!("`{place}` must be an object.");
        Fault::new(FaultKind::BadRequest, message).at(&place)
    })?;
    let data = fields
        .data
        .and_then(Quoted::of)
        .filter(|data| !data.is_empty())
        .ok_or_else(|| wrong("data", "sound in base64"))?;
    let format = fields.format.and_then(Quoted::of).map(Quoted::text);
    let mime_type = format
        .as_deref()
        .and_then(by_word)
        .filter(|kind| kind.starts_with("audio/"))
        .ok_or_else(|| wrong("format", "one of wav, mp3, flac, ogg, aac, aiff, m4a"))?;
    Ok(Part {
        inline_data: Some(InlineData {
            mime_type: Cow::Borrowed(mime_type),
            data: Long(data.text()),
        }),
        ..Part::default()
    })
}

/// `data:<type>[;<parameter>]*;base64,<data>`. Source: RFC 2397.
fn data_url(url: Quoted<'_>) -> Option<InlineData<'_>> {
    let text = url.text();
    let scheme = text.get(..5)?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let comma = text.find(',')?;
    let head = text.get(5..comma)?.to_ascii_lowercase();
    let mime_type = head
        .strip_suffix(";base64")?
        .split(';')
        .next()?
        .trim()
        .to_owned();
    let data = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(comma + 1..)?),
        Cow::Owned(text) => Cow::Owned(text.get(comma + 1..)?.to_owned()),
    };
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-/".contains(&b);
    let is_type = mime_type.bytes().all(token) && mime_type.matches('/').count() == 1;
    (is_type && !data.is_empty()).then_some(InlineData {
        mime_type: if mime_type == "image/jpg" {
            Cow::Borrowed("image/jpeg")
        } else {
            Cow::Owned(mime_type)
        },
        data: Long(data),
    })
}

/// The path without its query.
fn path_of(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}

fn by_ending(name: &str) -> Option<&'static str> {
    let file = name.rsplit('/').next()?;
    by_word(file.rsplit_once('.')?.1)
}

fn by_word(ending: &str) -> Option<&'static str> {
    let ending = ending.to_ascii_lowercase();
    let found = ENDINGS.iter().find(|(known, _)| *known == ending);
    found.map(|(_, kind)| *kind)
}

/// Videos that the API knows by their page. Source: ai.google.dev, "Video understanding: pass YouTube URLs".
fn is_video_page(uri: &str) -> bool {
    [
        "https://www.youtube.com/watch?",
        "https://youtube.com/watch?",
        "https://youtu.be/",
    ]
    .iter()
    .any(|page| uri.starts_with(page))
}

fn refused(home: &Home, place: &impl Display) -> Fault {
    let addresses = match home {
        Home::Gemini => {
            "an https address or the URI of a file uploaded to the Gemini API (files/..)"
        }
        Home::Vertex { .. } => "an https or gs:// address",
    };
    let message = format!(
        "`{place}` cannot be read by this model's provider: send the data itself as a data URL in base64, or {addresses}; an address must end in its type, e.g. .png or .pdf."
    );
    Fault::new(FaultKind::Unsupported, message).at(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn vertex() -> Home {
        Home::Vertex {
            project: "p".into(),
            location: "global".into(),
        }
    }

    fn written(url: &str, name: Option<&str>, home: &Home) -> Option<String> {
        let quoted = |text: &'static str| Quoted::of(serde_json::from_str(text).unwrap()).unwrap();
        let url = quoted(serde_json::to_string(url).unwrap().leak());
        let name = name.map(|name| quoted(serde_json::to_string(name).unwrap().leak()));
        let part = media(url, name, home, "p").ok()?;
        Some(json::written(&part))
    }

    #[test]
    fn data_and_addresses_become_what_each_api_takes() {
        let file =
            |kind: &str, uri: &str| Some(format!(r#"{{"fileData":{{{kind}"fileUri":"{uri}"}}}}"#));
        let inline = |kind: &str, data: &str| {
            Some(format!(
                r#"{{"inlineData":{{"mimeType":"{kind}","data":"{data}"}}}}"#
            ))
        };
        let png = r#""mimeType":"image/png","#;
        let (g, v) = (&Home::Gemini, &vertex());
        let cases = [
            (
                "data:image/png;base64,aGk=",
                None,
                g,
                inline("image/png", "aGk="),
            ),
            (
                "DATA:image/JPG;x=y;base64,aGk=",
                None,
                v,
                inline("image/jpeg", "aGk="),
            ),
            (
                "data:application/pdf;base64,JVBE",
                None,
                g,
                inline("application/pdf", "JVBE"),
            ),
            (
                "https://a.example/x.PNG?sig=1",
                None,
                g,
                file(png, "https://a.example/x.PNG?sig=1"),
            ),
            (
                "https://a.example/x",
                Some("x.png"),
                v,
                file(png, "https://a.example/x"),
            ),
            ("https://a.example/x", None, g, None),
            ("https://a.example/x?f=.png", None, g, None),
            ("http://a.example/x.png", None, g, None),
            (
                "files/abc",
                None,
                g,
                file(
                    "",
                    "https://generativelanguage.googleapis.com/v1beta/files/abc",
                ),
            ),
            ("files/abc", None, v, None),
            ("gs://bucket/x.png", None, v, file(png, "gs://bucket/x.png")),
            ("gs://bucket/x.png", None, g, None),
            (
                "https://youtu.be/abc",
                None,
                g,
                file("", "https://youtu.be/abc"),
            ),
            ("data:image/png;base64,", None, g, None),
            ("data:image/png,raw", None, g, None),
            ("data:im age;base64,aGk=", None, g, None),
            ("file:///etc/passwd.png", None, v, None),
            ("\u{e9}\u{e9}\u{e9}", None, g, None),
        ];
        for (url, name, home, want) in cases {
            assert_eq!(written(url, name, home), want, "{url} {home:?}");
        }
    }

    #[test]
    fn sound_needs_its_format() {
        let read = |text: &str| {
            let raw: &RawValue = serde_json::from_str(text).unwrap();
            audio(raw, "a")
                .map(|part| json::written(&part))
                .map_err(|fault| fault.message.into_owned())
        };
        assert_eq!(
            read(r#"{"data":"aGk=","format":"wav"}"#),
            Ok(r#"{"inlineData":{"mimeType":"audio/wav","data":"aGk="}}"#.into())
        );
        for (bad, want) in [
            (r#"{"format":"wav"}"#, "`a.data` must be sound in base64."),
            (
                r#"{"data":"aGk=","format":"png"}"#,
                "`a.format` must be one of wav, mp3, flac, ogg, aac, aiff, m4a.",
            ),
            ("7", "`a` must be an object."),
        ] {
            assert_eq!(read(bad), Err(want.to_owned()));
        }
    }
}
