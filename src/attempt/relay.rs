//! OpenAI's other paths: the body passes as it comes, apart from the model's name where the plan
//! renames it, and so does the answer. Nothing is held but an error.

use super::{
    Sent,
    facts::{Facts, bounded, record_ttft},
    headers::{Head, Length},
    out, write_failed,
};
use crate::{
    api::{answer::Usage, relay::Named},
    config::Provider,
    fault::{Fault, FaultKind},
    host::{Flow, Host, Side, keys::state},
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
    let kind = sent.headers.get("content-type").unwrap_or_default();
    sent.plan.model.is_empty() || !kind.starts_with("text/html")
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
    pub(super) fn new(status: u16, sent: &Sent) -> Self {
        let headers = &sent.headers;
        let kind = headers.get("content-type").unwrap_or_default();
        // A list of files or a batch has no tokens that were spent on this request.
        let counts = sent
            .plan
            .relay
            .as_ref()
            .is_some_and(|r| r.area.names_model());
        let plain = counts && headers.get("content-encoding").is_none();
        let watch = match kind.split(';').next().unwrap_or_default().trim() {
            "application/json" if plain => Watch::Whole(Fields::new(WANTED)),
            "text/event-stream" if plain => Watch::Events(Lines::default()),
            _ => Watch::Blind,
        };
        Self {
            status,
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
                    self.facts.learn(fields);
                }
            }
            Watch::Events(lines) => lines.push(&here(), &mut self.facts),
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

    fn push(&mut self, bytes: &[u8], facts: &mut Facts) {
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
                self.start.clear();
                if let Some(data) = self.data.take() {
                    facts.learn(&data);
                }
            }
        }
    }
}

/// Token counts under either of their names.
#[derive(Deserialize)]
struct Counts {
    #[serde(alias = "prompt_tokens")]
    input_tokens: u64,
    #[serde(alias = "completion_tokens", default)]
    output_tokens: u64,
}

impl Facts {
    fn learn(&mut self, fields: &Fields) {
        let model = fields.get("model").unwrap_or_default();
        if let Ok(model) = serde_json::from_str::<Str<'_>>(model) {
            self.model = bounded(&model);
        }
        // Whisper is counted in seconds.
        let usage = fields.get("usage").unwrap_or_default();
        if let Ok(counts) = serde_json::from_str::<Counts>(usage) {
            self.usage = Some(Usage {
                input: counts.input_tokens,
                output: counts.output_tokens,
                ..Usage::default()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_from_events_however_they_are_cut() {
        let text = ": hi\n\nevent: a\ndata: {\"type\":\"partial\",\"b64\":\"xx\\n\"}\r\n\r\nevent: b\r\ndata:{\"usage\":{\"input_tokens\":3,\"output_tokens\":4,\"x\":{}},\"model\":\"m\"}\n\ndata: [DONE]\n\n";
        for size in 1..=text.len() {
            let (mut lines, mut facts) = (Lines::default(), Facts::default());
            for chunk in text.as_bytes().chunks(size) {
                lines.push(chunk, &mut facts);
            }
            let usage = facts.usage.map(|usage| (usage.input, usage.output));
            assert_eq!((usage, facts.model.as_str()), (Some((3, 4)), "m"), "{size}");
        }
    }

    #[test]
    fn both_names_of_the_counts_are_known_and_seconds_are_none() {
        let usage = |json: &str| {
            let (mut fields, mut facts) = (Fields::new(WANTED), Facts::default());
            fields.push(format!("{{\"usage\":{json}}}").as_bytes());
            facts.learn(&fields);
            facts.usage.map(|usage| (usage.input, usage.output))
        };
        assert_eq!(
            usage(r#"{"prompt_tokens":5,"total_tokens":5}"#),
            Some((5, 0))
        );
        assert_eq!(usage(r#"{"type":"duration","seconds":9}"#), None);
    }
}
