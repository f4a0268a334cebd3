//! OpenAI's other paths: the body passes as it comes, apart from the model's name where the plan
//! renames it, and so does the answer. Nothing is held but an error.

use super::{
    Sent,
    facts::{Facts, bounded, record_ttft},
    headers::{Head, Length},
    out, write_failed,
};
use crate::{
    api::{
        answer::Usage,
        relay::{Area, Named},
    },
    config::Provider,
    fault::{Fault, FaultKind},
    host::{Flow, Headers, Host, Side, keys::state},
    json::{Passing as Fields, Str},
};
use serde::Deserialize;

/// The fields of an answer, or of one event, that the record wants.
const WANTED: &[&str] = &["model", "usage"];

/// A model's name to be replaced.
#[derive(Debug)]
pub(super) struct Edit {
    named: Named,
    new: Vec<u8>,
}

/// Writes the headers of the provider's request; its body follows as it comes.
///
/// Errors: the provider does not have this path, or the host refuses the write.
pub(super) fn send(host: &dyn Host, provider: &Provider, sent: &mut Sent) -> Result<Flow, Fault> {
    let Some(relay) = sent.plan.relay.clone() else {
        return Ok(Flow::Continue);
    };
    // Its errors are in the client's language.
    sent.passes = true;
    let path = provider
        .speaks
        .relays(relay.area, &relay.rest, &sent.model)
        .ok_or_else(|| {
            let message = format!("The provider `{}` does not have this path.", sent.name);
            Fault::new(FaultKind::Unsupported, message)
        })?;
    let path = match &relay.query {
        Some(query) if path.contains('?') => format!("{path}&{query}"),
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let renamed = relay.named.filter(|_| sent.model != sent.plan.model);
    sent.edit = renamed.map(|named| Edit {
        new: named.instead(&sent.model),
        named,
    });
    let length = relay.length.map(|length| match &sent.edit {
        Some(edit) => {
            let rest = length.saturating_sub(edit.named.said.len() as u64);
            rest.saturating_add(edit.new.len() as u64).to_string()
        }
        None => length.to_string(),
    });
    let scheme = host.header(Side::Request, ":scheme");
    let authority = provider.host.as_deref().unwrap_or(&sent.plan.authority);
    let mut lines = vec![
        (":method", relay.method.as_str()),
        (":scheme", scheme.as_deref().unwrap_or("https")),
        (":authority", authority),
        (":path", path.as_str()),
    ];
    lines.extend(relay.content_type.as_deref().map(|v| ("content-type", v)));
    lines.extend(length.as_deref().map(|v| ("content-length", v)));
    lines.push(("accept", relay.accept.as_deref().unwrap_or("*/*")));
    lines.push(("accept-encoding", "identity"));
    let forwarded = sent.plan.client_headers.iter();
    lines.extend(forwarded.map(|(name, value)| (name.as_str(), value.as_str())));
    out::add_configured(&mut lines, provider, sent);
    host.replace_headers(Side::Request, &lines)
        .map_err(|_| write_failed(Side::Request))?;
    Ok(Flow::Continue)
}

/// More of the request's body is here, or its end: nothing goes on before the model's name is replaced.
///
/// Errors: something between the two roles has changed the body.
pub(super) fn body(
    host: &dyn Host,
    sent: &mut Sent,
    size: usize,
    end: bool,
) -> Result<Flow, Fault> {
    let Some(edit) = &sent.edit else {
        return Ok(Flow::Continue);
    };
    let (start, cut) = (edit.named.start, edit.named.end());
    if size < cut && !end {
        return Ok(Flow::Pause);
    }
    let mut here = host.body(Side::Request, 0, cut);
    if here.get(start..) != Some(edit.named.said.as_bytes()) {
        let message = "The body is not the one that was planned: something has changed it.";
        return Err(Fault::new(FaultKind::Internal, message));
    }
    here.truncate(start);
    here.extend_from_slice(&edit.new);
    host.replace_body(Side::Request, cut, &here)
        .map_err(|_| write_failed(Side::Request))?;
    sent.edit = None;
    Ok(Flow::Continue)
}

/// Whether a good answer passes: a page for people, in the place of what a model was asked for, does
/// not come from it.
pub(super) fn passes(sent: &Sent) -> bool {
    sent.plan.model.is_empty() || sent.headers.media_type() != "text/html"
}

/// What an error means where no model was asked for: it is the file, or whatever the path names, that is
/// not there.
pub(super) fn meant(mut fault: Fault, sent: &Sent) -> Fault {
    let names_none = sent.plan.relay.is_some() && sent.plan.model.is_empty();
    if names_none && fault.kind == FaultKind::UnknownModel {
        fault = Fault::new(
            FaultKind::UnknownPath,
            "The provider does not have what this path names.",
        )
        .coded("not_found");
    }
    fault
}

/// An answer that passes.
#[derive(Debug)]
pub(super) struct Passing {
    status: u16,
    area: Area,
    watch: Watch,
    facts: Facts,
    begun: bool,
}

/// How the record learns of an answer.
#[derive(Debug)]
enum Watch {
    /// It says nothing of itself.
    Blind,
    Whole(Fields),
    Events(Lines),
}

impl Passing {
    pub(super) fn new(status: u16, area: Area, headers: &Headers) -> Self {
        // A list of files or a batch has no tokens that were spent on this request.
        let plain = area.names_model() && headers.get("content-encoding").is_none();
        let watch = match headers.media_type().as_str() {
            "application/json" if plain => Watch::Whole(Fields::new(WANTED)),
            "text/event-stream" if plain => Watch::Events(Lines::default()),
            _ => Watch::Blind,
        };
        Self {
            status,
            area,
            watch,
            facts: Facts::default(),
            begun: false,
        }
    }

    /// Lets the headers go.
    ///
    /// Errors: the host refuses the write.
    pub(super) fn open(&self, host: &dyn Host, sent: &mut Sent) -> Result<(), Fault> {
        let head = Head {
            status: self.status,
            kind: None,
            length: Length::Same,
            model: "",
            answers: true,
        };
        head.write(host, sent)
            .map_err(|_| write_failed(Side::Response))?;
        sent.close(host, Some(self.status), None);
        Ok(())
    }

    /// More has come, or the end.
    pub(super) fn advance(&mut self, host: &dyn Host, sent: &Sent, end: bool) {
        if !self.begun {
            self.begun = true;
            record_ttft(host, sent);
        }
        let known = self.facts.usage;
        let here = || host.body(Side::Response, 0, usize::MAX);
        match &mut self.watch {
            Watch::Blind => {}
            Watch::Whole(fields) => {
                fields.push(&here());
                if end {
                    self.facts.learn(fields, self.area);
                }
            }
            Watch::Events(lines) => {
                let facts = &mut self.facts;
                let mut learn = |fields: &Fields| facts.learn(fields, self.area);
                lines.push(&here(), &mut learn);
                if end {
                    lines.close(&mut learn);
                }
            }
        }
        if end || self.facts.usage != known {
            self.facts.record(host, sent);
        }
        if end {
            host.set_state(state::OUTCOME, "ok");
        }
    }
}

/// The lines of an event stream; the data of each is an object.
#[derive(Debug, Default)]
struct Lines {
    /// The beginning of a line, until it is known whether it is data.
    start: Vec<u8>,
    data: Option<Fields>,
}

impl Lines {
    const DATA: &[u8] = b"data:";

    /// Takes in more of the stream and shows each event to `learn`.
    fn push(&mut self, bytes: &[u8], learn: &mut dyn FnMut(&Fields)) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let ends = part.ends_with(b"\n");
            let missing = Self::DATA.len().saturating_sub(self.start.len());
            let (start, rest) = part.split_at(missing.min(part.len()));
            self.start.extend_from_slice(start);
            if self.data.is_none() && self.start == Self::DATA {
                self.data = Some(Fields::new(WANTED));
            }
            if let Some(data) = &mut self.data {
                data.push(rest);
            }
            if ends {
                self.close(learn);
            }
        }
    }

    /// The line ends.
    fn close(&mut self, learn: &mut dyn FnMut(&Fields)) {
        self.start.clear();
        if let Some(data) = self.data.take() {
            learn(&data);
        }
    }
}

/// Token counts; some hosts use the names of a chat's.
/// Source: openai 3.52 for Python, `types/images_response.py` (`Usage`), `types/audio/transcription.py`
/// (`UsageTokens`), read 2026-11.
#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default, alias = "input_token_details")]
    input_tokens_details: Option<Details>,
    #[serde(default)]
    output_tokens_details: Option<Details>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    audio_tokens: Option<u64>,
    #[serde(default)]
    image_tokens: Option<u64>,
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl Counts {
    /// In OpenAI's meaning. What is made is what the path is there for, unless the details say otherwise.
    fn usage(self, area: Area) -> Option<Usage> {
        let input = self.input_tokens.or(self.prompt_tokens)?;
        let output = self.output_tokens.or(self.completion_tokens).unwrap_or(0);
        let read = self.input_tokens_details.unwrap_or_default();
        let told = self.output_tokens_details.is_some();
        let made = self.output_tokens_details.unwrap_or_default();
        let all = |is: bool| if is && !told { output } else { 0 };
        let draws = matches!(
            area,
            Area::ImageGeneration | Area::ImageEdit | Area::ImageVariation
        );
        Some(Usage {
            input,
            output,
            cached: read.cached_tokens.unwrap_or(0),
            input_audio: read.audio_tokens.unwrap_or(0),
            input_image: read.image_tokens.unwrap_or(0),
            output_audio: made.audio_tokens.unwrap_or(all(area == Area::Speech)),
            output_image: made.image_tokens.unwrap_or(all(draws)),
            ..Usage::default()
        })
    }
}

impl Facts {
    fn learn(&mut self, fields: &Fields, area: Area) {
        let model = fields.get("model").unwrap_or_default();
        if let Ok(model) = serde_json::from_str::<Str<'_>>(model) {
            self.model = bounded(&model);
        }
        // Whisper is counted in seconds.
        let usage = fields.get("usage").unwrap_or_default();
        let counts = serde_json::from_str::<Counts>(usage).ok();
        self.usage = counts.and_then(|c| c.usage(area)).or(self.usage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_from_events_however_they_are_cut() {
        let text = ": hi\n\nevent: a\ndata: {\"type\":\"partial\",\"b64\":\"xx\\n\"}\r\n\r\nevent: b\r\ndata:{\"usage\":{\"input_tokens\":3,\"output_tokens\":4,\"x\":{}},\"model\":\"m\"}";
        for text in [text.to_owned(), format!("{text}\n\ndata: [DONE]\n\n")] {
            for size in 1..=text.len() {
                let (mut lines, mut facts) = (Lines::default(), Facts::default());
                let mut learn = |fields: &Fields| facts.learn(fields, Area::ImageEdit);
                for chunk in text.as_bytes().chunks(size) {
                    lines.push(chunk, &mut learn);
                }
                lines.close(&mut learn);
                let usage = facts.usage.map(|usage| (usage.input, usage.output));
                assert_eq!((usage, facts.model.as_str()), (Some((3, 4)), "m"), "{size}");
            }
        }
    }

    fn usage(area: Area, json: &str) -> Option<Usage> {
        let (mut fields, mut facts) = (Fields::new(WANTED), Facts::default());
        fields.push(format!("{{\"usage\":{json}}}").as_bytes());
        facts.learn(&fields, area);
        facts.usage
    }

    #[test]
    fn both_names_of_the_counts_are_known_and_seconds_are_none() {
        let usage = |json| usage(Area::Moderation, json).map(|usage| (usage.input, usage.output));
        assert_eq!(
            usage(r#"{"prompt_tokens":5,"total_tokens":5}"#),
            Some((5, 0))
        );
        assert_eq!(
            usage(r#"{"prompt_tokens":5,"input_tokens":5,"completion_tokens":2}"#),
            Some((5, 2))
        );
        assert_eq!(usage(r#"{"type":"duration","seconds":9}"#), None);
    }

    #[test]
    fn what_has_a_price_of_its_own_is_counted_apart() {
        let counts = r#"{"input_tokens":60,"output_tokens":1056,"input_tokens_details":{"image_tokens":50,"text_tokens":10}}"#;
        let drawn = Usage {
            input: 60,
            output: 1056,
            input_image: 50,
            output_image: 1056,
            ..Usage::default()
        };
        assert_eq!(usage(Area::ImageGeneration, counts), Some(drawn));
        let told = counts.replace(
            "\"input_tokens_details",
            "\"output_tokens_details\":{\"image_tokens\":1000,\"text_tokens\":56},\"input_tokens_details",
        );
        let partly = Usage {
            output_image: 1000,
            ..drawn
        };
        assert_eq!(usage(Area::ImageEdit, &told), Some(partly));
        let heard = r#"{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45}"#;
        let want = Usage {
            input: 14,
            output: 45,
            input_audio: 10,
            ..Usage::default()
        };
        assert_eq!(usage(Area::Transcription, heard), Some(want));
        let spoken = usage(Area::Speech, r#"{"input_tokens":3,"output_tokens":7}"#).unwrap();
        assert_eq!((spoken.output, spoken.output_audio), (7, 7));
    }
}
