//! Writes an answer as a response: whole, or as the events of a stream.
//!
//! A stream ends with the whole response, so both grow from the same state. Items follow one another;
//! the calls of one turn stay open until its end, since their arguments may come side by side. There
//! is no `[DONE]`.

use super::{
    Echo,
    events::{close_parts, close_text, line, summary},
    output::{Grown, Kind, MAX_ITEMS, Output, Text},
    wire::{AnyPart, Event, Failure, Head, Incomplete, Status, UsageJson},
};
use crate::{
    api::{
        answer::{AnswerSink, Finish, Part, Usage, call_id},
        chat::name,
    },
    fault::{Fault, FaultKind},
};

/// The only place where responses and their events are written.
#[derive(Debug, Default)]
pub struct Writer {
    echo: Echo,
    created: u64,
    streams: bool,
    id: String,
    model: String,
    started: bool,
    sequence: u64,
    output: Output,
    finish: Option<Finish>,
    usage: Option<Usage>,
    out: Vec<u8>,
}

impl Writer {
    /// For a whole answer. `created`: seconds since 1970.
    pub fn whole(created: u64, echo: Echo) -> Self {
        Self {
            echo,
            created,
            ..Self::default()
        }
    }

    /// For a stream.
    pub fn stream(created: u64, echo: Echo) -> Self {
        Self {
            streams: true,
            ..Self::whole(created, echo)
        }
    }

    /// The whole answer as JSON.
    pub fn body(&mut self) -> Vec<u8> {
        self.close_all();
        self.response(self.end(), None)
    }

    /// Ends a complete stream.
    pub fn done(&mut self) {
        self.start();
        self.close_all();
        let end = self.end();
        let response = self.response(end, None);
        let kind = match end {
            Status::Incomplete => "response.incomplete",
            _ => "response.completed",
        };
        self.with_response(kind, &response);
    }

    /// Ends a stream that broke off.
    pub fn fail(&mut self, fault: &Fault) {
        // The SDKs' stream helpers take no event before the first one.
        self.start();
        let response = self.response(Status::Failed, Some(fault));
        self.with_response("response.failed", &response);
    }

    /// The bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn end(&self) -> Status {
        match self.finish {
            Some(Finish::Length | Finish::ContentFilter) => Status::Incomplete,
            _ => Status::Completed,
        }
    }

    fn response(&self, status: Status, fault: Option<&Fault>) -> Vec<u8> {
        let reason = match (status, self.finish) {
            (Status::Incomplete, Some(Finish::ContentFilter)) => Some("content_filter"),
            (Status::Incomplete, _) => Some("max_output_tokens"),
            _ => None,
        };
        let last = self.output.items.len().saturating_sub(1);
        let items = self.output.items.iter().enumerate().map(|(n, item)| {
            // What was cut off is the last item.
            item.json(if n == last {
                item_status(status)
            } else {
                Status::Completed
            })
        });
        let head = Head {
            id: &self.id,
            object: "response",
            created_at: self.created,
            status,
            error: fault.map(|fault| Failure {
                code: match fault.kind {
                    FaultKind::RateLimited | FaultKind::QuotaSpent => "rate_limit_exceeded",
                    _ => "server_error",
                },
                message: &fault.message,
            }),
            incomplete_details: reason.map(|reason| Incomplete { reason }),
            model: &self.model,
            output: items.collect(),
            usage: self
                .usage
                .filter(|_| status != Status::InProgress)
                .map(UsageJson::from),
        };
        // Writing such a value into memory cannot fail.
        let mut out = serde_json::to_vec(&head).unwrap_or_default();
        out.pop();
        out.push(b',');
        out.extend_from_slice(self.echo.fields().as_bytes());
        out.push(b'}');
        out
    }

    /// Written before the first item.
    fn start(&mut self) {
        if std::mem::replace(&mut self.started, true) || !self.streams {
            return;
        }
        let response = self.response(Status::InProgress, None);
        self.with_response("response.created", &response);
        self.with_response("response.in_progress", &response);
    }

    fn with_response(&mut self, kind: &str, response: &[u8]) {
        let head = format!(
            "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{},\"response\":",
            self.sequence
        );
        self.sequence += 1;
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(response);
        self.out.extend_from_slice(b"}\n\n");
    }

    /// Opens an item; `None`: there are too many.
    fn begin(&mut self, prefix: &str, is: Kind) -> Option<usize> {
        self.start();
        let index = self.output.items.len();
        if index == MAX_ITEMS {
            return None;
        }
        self.close_texts();
        let of = plain(&self.id);
        let item = Grown {
            id: format!("{prefix}_{of}_{index}"),
            is,
            closed: false,
        };
        if self.streams {
            let event = Event {
                output_index: Some(index),
                item: Some(item.empty()),
                ..Event::default()
            };
            let kind = "response.output_item.added";
            line(&mut self.out, &mut self.sequence, kind, &event);
        }
        self.output.items.push(item);
        Some(index)
    }

    /// Adds to the open message, or opens one.
    fn say(&mut self, refusal: bool, more: &str) {
        if more.is_empty() {
            return;
        }
        let open = |item: &Grown| !item.closed && matches!(item.is, Kind::Message(_));
        let index = match self.output.items.iter().position(open) {
            Some(index) => index,
            None => match self.begin("msg", Kind::Message(Vec::new())) {
                Some(index) => index,
                None => return,
            },
        };
        let keep = self.output.takes(more);
        let Some(Grown {
            id,
            is: Kind::Message(texts),
            ..
        }) = self.output.items.get_mut(index)
        else {
            return;
        };
        let (out, sequence) = (&mut self.out, &mut self.sequence);
        if texts.last().is_none_or(|text| text.refusal != refusal) {
            let before = texts.len().checked_sub(1);
            if self.streams {
                if let (Some(at), Some(last)) = (before, texts.last()) {
                    close_text(out, sequence, id, index, at, last);
                }
                let event = Event {
                    item_id: Some(id),
                    output_index: Some(index),
                    content_index: Some(texts.len()),
                    part: Some(AnyPart::Content(Text::part(refusal, ""))),
                    ..Event::default()
                };
                line(out, sequence, "response.content_part.added", &event);
            }
            texts.push(Text {
                refusal,
                text: String::new(),
            });
        }
        let content_index = texts.len().saturating_sub(1);
        if let (Some(text), true) = (texts.last_mut(), keep) {
            text.text.push_str(more);
        }
        if self.streams {
            let event = Event {
                item_id: Some(id),
                output_index: Some(index),
                content_index: Some(content_index),
                delta: Some(more),
                logprobs: (!refusal).then_some([]),
                ..Event::default()
            };
            let kind = if refusal {
                "response.refusal.delta"
            } else {
                "response.output_text.delta"
            };
            line(out, sequence, kind, &event);
        }
    }

    fn reasoning(&mut self) -> Option<usize> {
        let open = |item: &Grown| !item.closed && matches!(item.is, Kind::Reasoning { .. });
        match self.output.items.iter().position(open) {
            Some(index) => Some(index),
            None => self.begin(
                "rs",
                Kind::Reasoning {
                    text: String::new(),
                    details: Vec::new(),
                },
            ),
        }
    }

    fn think(&mut self, more: &str) {
        if more.is_empty() {
            return;
        }
        let Some(index) = self.reasoning() else {
            return;
        };
        let keep = self.output.takes(more);
        let Some(Grown {
            id,
            is: Kind::Reasoning { text, .. },
            ..
        }) = self.output.items.get_mut(index)
        else {
            return;
        };
        if self.streams {
            let event = Event {
                item_id: Some(id),
                output_index: Some(index),
                summary_index: Some(0),
                ..Event::default()
            };
            if text.is_empty() {
                let part = Some(summary(""));
                let event = Event { part, ..event };
                let kind = "response.reasoning_summary_part.added";
                line(&mut self.out, &mut self.sequence, kind, &event);
            }
            let event = Event {
                item_id: Some(id),
                output_index: Some(index),
                summary_index: Some(0),
                delta: Some(more),
                ..Event::default()
            };
            let kind = "response.reasoning_summary_text.delta";
            line(&mut self.out, &mut self.sequence, kind, &event);
        }
        if keep {
            text.push_str(more);
        }
    }

    fn detail(&mut self, json: &str) {
        let Some(index) = self.reasoning() else {
            return;
        };
        if !self.output.takes(json) {
            return;
        }
        if let Some(Grown {
            is: Kind::Reasoning { details, .. },
            ..
        }) = self.output.items.get_mut(index)
        {
            details.push(json.to_owned());
        }
    }

    fn input(&mut self, of: u32, more: &str) {
        let found = self.output.items.iter().rposition(
            |item| matches!(&item.is, Kind::Call { index, .. } if *index == of && !item.closed),
        );
        let Some(at) = found.filter(|_| !more.is_empty()) else {
            return;
        };
        if !self.output.takes(more) {
            return;
        }
        let Some(Grown {
            id,
            is: Kind::Call { arguments, .. },
            ..
        }) = self.output.items.get_mut(at)
        else {
            return;
        };
        arguments.push_str(more);
        if self.streams {
            let event = Event {
                item_id: Some(id),
                output_index: Some(at),
                delta: Some(more),
                ..Event::default()
            };
            let kind = "response.function_call_arguments.delta";
            line(&mut self.out, &mut self.sequence, kind, &event);
        }
    }

    /// An image, which comes whole. Shape of `url`: data in base64; what is no data has no place here.
    fn image(&mut self, url: &str) {
        let data = url.split_once(";base64,").map(|(_, data)| data);
        let Some(data) = data.filter(|data| self.output.takes(data)) else {
            return;
        };
        self.begin("ig", Kind::Image(data.to_owned()));
        self.close_texts();
    }

    /// Ends the open message or reasoning.
    fn close_texts(&mut self) {
        self.close(
            |item| !matches!(item.is, Kind::Call { .. }),
            Status::Completed,
        );
    }

    /// Ends everything; the last item is where an incomplete answer was cut.
    fn close_all(&mut self) {
        let end = self.end();
        self.close(|_| true, end);
    }

    fn close(&mut self, which: impl Fn(&Grown) -> bool, end: Status) {
        let last = self.output.items.len().saturating_sub(1);
        let (out, sequence) = (&mut self.out, &mut self.sequence);
        for (index, item) in self.output.items.iter_mut().enumerate() {
            if item.closed || !which(item) {
                continue;
            }
            item.closed = true;
            if !self.streams {
                continue;
            }
            close_parts(out, sequence, index, item);
            let status = if index == last {
                end
            } else {
                Status::Completed
            };
            let event = Event {
                output_index: Some(index),
                item: Some(item.json(status)),
                ..Event::default()
            };
            line(out, sequence, "response.output_item.done", &event);
        }
    }
}

/// An id without what names its kind elsewhere.
fn plain(id: &str) -> &str {
    let prefixes = ["resp_", "msg_", "chatcmpl-"];
    prefixes
        .iter()
        .find_map(|prefix| id.strip_prefix(prefix))
        .unwrap_or(id)
}

/// An item of a response that has this status.
const fn item_status(status: Status) -> Status {
    match status {
        Status::Failed => Status::Incomplete,
        other => other,
    }
}

impl AnswerSink for Writer {
    fn open(&mut self, id: &str, model: &str) {
        match plain(id) {
            "" if self.id.is_empty() => "resp_unnamed".clone_into(&mut self.id),
            "" => {}
            id => self.id = format!("resp_{id}"),
        }
        name(&mut self.model, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        if choice > 0 {
            return;
        }
        match part {
            Part::Text(text) => self.say(false, text),
            Part::Refusal(text) => self.say(true, text),
            Part::Thought(text) => self.think(text),
            Part::ThoughtDetail(json) => self.detail(json),
            Part::ToolCall { index, id, name } => {
                let call = Kind::Call {
                    index,
                    // The result must name it.
                    call_id: call_id(id, plain(&self.id), index).into_owned(),
                    name: name.to_owned(),
                    arguments: String::new(),
                };
                self.begin("fc", call);
            }
            Part::ToolInput { index, json } => self.input(index, json),
            // Nobody who asks for them comes this far.
            Part::Logprobs(_) | Part::StopSequence(_) => {}
            Part::Image(url) => self.image(url),
            Part::Finish(finish) => self.finish = Some(finish),
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }
}
