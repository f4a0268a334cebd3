//! Guards that stand beside the gateway: what they are asked over HTTP, and what their answers mean.
//!
//! Nothing here calls anybody: a [`Call`] writes the body of its question and reads the answer. What cannot be read
//! is no opinion, and then `on_error` decides. No message holds a text.

mod judge;
mod moderation;
mod presidio;
mod webhook;

use crate::guard::rules::Direction;
use serde::Serialize;
use std::{cmp::Ordering, time::Duration};

/// Most calls of one configuration, and so the most that one request waits for.
pub const MAX_CALLS: usize = 16;
/// Most texts that are sent to a guard, and their most bytes together; with more there is no opinion.
pub const MAX_TEXTS: usize = 2048;
/// Units: bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Longest answer that is read. Units: bytes.
pub const MAX_ANSWER: usize = 4 << 20;
/// How many characters of a stream a guard is asked about at once, and how many of them again with the next ones, unless its
/// configuration says otherwise.
pub const WINDOW: usize = 500;
/// Units: characters.
pub const OVERLAP: usize = 100;
/// How long a guard may take, unless its configuration says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(1);

/// Which API a guard speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenAI's moderations.
    Moderation,
    /// This gateway's own contract.
    Webhook,
    /// Presidio's analyzer.
    Presidio,
    /// A model that says `safe` or `unsafe`.
    Judge,
}

impl Kind {
    /// Every one, with its name.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("openai_moderation", Self::Moderation),
        ("webhook", Self::Webhook),
        ("presidio", Self::Presidio),
        ("judge", Self::Judge),
    ];

    /// Where it is asked, unless its configuration says otherwise.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Moderation => "/v1/moderations",
            Self::Webhook => "/",
            Self::Presidio => "/analyze",
            Self::Judge => "/v1/chat/completions",
        }
    }

    /// Whether its answer can say what stands in the place of what it has found.
    pub const fn edits(self) -> bool {
        matches!(self, Self::Webhook | Self::Presidio)
    }
}

/// A guard that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its rule's place.
    pub rule: u8,
    /// It is asked about requests.
    pub input: bool,
    /// It is asked about answers.
    pub output: bool,
    /// How many characters of a stream it is asked about at once. Units: characters.
    pub window: usize,
    /// How many of those it is asked about again. Units: characters.
    pub overlap: usize,
    /// The API that it speaks.
    pub kind: Kind,
    /// Envoy's cluster that leads to it; never one that carries this filter.
    pub cluster: String,
    /// The authority of the request.
    pub host: String,
    /// The path of the request.
    pub path: String,
    /// How long it may take.
    pub timeout: Duration,
    /// The model that judges.
    pub model: Option<String>,
    /// What a judge is told before the texts.
    pub prompt: Option<String>,
    /// The language of the texts, for Presidio.
    pub language: String,
    /// The categories or entities that count; empty: all.
    pub categories: Vec<String>,
    /// The least score that counts. Units: hundredths.
    pub threshold: Option<u8>,
}

/// Whose texts they are.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The rule's name.
    pub rule: &'a str,
    /// The team of the client's key.
    pub team: Option<&'a str>,
    /// The model that was asked for.
    pub model: &'a str,
    /// The texts, in order.
    pub texts: &'a [&'a str],
    /// Of what they are, where it is an answer; `None`: of a request.
    pub answer: Option<Answered<'a>>,
}

/// Which answer, or which part of one.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The id of the request.
    pub id: &'a str,
    /// What its user has said last; empty: nothing.
    pub question: &'a str,
    /// Of a stream, the window's number, and whether nothing follows it.
    pub window: Option<(u32, bool)>,
}

/// Something that a guard has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The place of its text.
    pub text: usize,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
    /// What it is, e.g. `PERSON`.
    pub entity: String,
}

/// What a guard says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion {
    /// There is nothing to object to.
    Pass,
    /// It objects: the rule's action is done.
    Found,
    /// It objects, whatever the rule's action.
    Refused,
    /// It has found these, in order.
    Marks(Vec<Mark>),
    /// These texts are to stand in the place of those at the same place; `None`: as it is.
    Texts(Vec<Option<String>>),
}

/// Why there is no opinion. It names no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusable(pub &'static str);

impl Call {
    /// Whether it is asked about what goes this way.
    pub fn looks(&self, direction: Direction) -> bool {
        match direction {
            Direction::Input => self.input,
            Direction::Output => self.output,
        }
    }

    /// The body of the question.
    pub fn body(&self, about: &About<'_>) -> Vec<u8> {
        match self.kind {
            Kind::Moderation => moderation::body(self, about),
            Kind::Webhook => webhook::body(about),
            Kind::Presidio => presidio::body(self, about),
            Kind::Judge => judge::body(self, about),
        }
    }

    /// What an answer means.
    ///
    /// Errors: it is no answer of this API.
    pub fn read(&self, status: u16, body: &[u8], texts: &[&str]) -> Result<Opinion, Unusable> {
        if !(200..300).contains(&status) {
            return Err(Unusable("it answered with an error"));
        }
        if body.len() > MAX_ANSWER {
            return Err(Unusable("its answer is too long"));
        }
        match self.kind {
            Kind::Moderation => moderation::read(self, body, texts.len()),
            Kind::Webhook => webhook::read(body, texts.len()),
            Kind::Presidio => presidio::read(self, body, texts),
            Kind::Judge => judge::read(self, body),
        }
    }

    /// Whether a category counts.
    fn counts(&self, category: &str) -> bool {
        self.categories.is_empty() || self.categories.iter().any(|own| own == category)
    }

    /// Whether a score from 0 to 1 is enough; `None`: there is no threshold.
    fn enough(&self, score: f64) -> Option<bool> {
        // A number that is none never is less, so that it counts.
        self.threshold
            .map(|least| score.partial_cmp(&(f64::from(least) / 100.0)) != Some(Ordering::Less))
    }
}

/// What an answer that is no JSON of its API comes to.
const NO_ANSWER: Unusable = Unusable("its answer cannot be read");

fn json(body: &impl Serialize) -> Vec<u8> {
    // Values of these types always have a form in JSON.
    serde_json::to_vec(body).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn call(kind: Kind) -> Call {
        Call {
            rule: 0,
            input: true,
            output: true,
            window: WINDOW,
            overlap: OVERLAP,
            kind,
            cluster: "guard".into(),
            host: "guard".into(),
            path: kind.path().into(),
            timeout: TIMEOUT,
            model: None,
            prompt: None,
            language: "en".into(),
            categories: Vec::new(),
            threshold: None,
        }
    }

    pub(crate) fn asked(call: &Call, texts: &[&str]) -> serde_json::Value {
        let about = About {
            rule: "safe",
            team: Some("support"),
            model: "gpt-x",
            texts,
            answer: None,
        };
        serde_json::from_slice(&call.body(&about)).unwrap()
    }

    #[test]
    fn an_answer_with_an_error_s_status_is_no_opinion() {
        let call = call(Kind::Webhook);
        let of = |status| call.read(status, br#"{"action":"allow"}"#, &["a"]);
        assert_eq!(of(200), Ok(Opinion::Pass));
        for status in [0, 199, 301, 400, 429, 500, 503, 504] {
            assert!(of(status).is_err(), "{status}");
        }
    }

    #[test]
    fn an_answer_that_is_none_is_no_opinion() {
        for (_, kind) in Kind::ALL {
            let call = call(*kind);
            for body in [
                "",
                "null",
                "[]x",
                "{}",
                "7",
                "<html>",
                r#"{"action":7}"#,
                "[[[]]",
            ] {
                let read = call.read(200, body.as_bytes(), &["a"]);
                assert_eq!(read, Err(NO_ANSWER), "{kind:?} {body}");
            }
            let long = vec![b' '; MAX_ANSWER + 1];
            assert!(call.read(200, &long, &["a"]).is_err());
        }
    }
}
