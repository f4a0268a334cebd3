//! The events of a stream: how one is written, and those that end a part of an item.

use super::{
    output::{Grown, Kind, Text},
    wire::{AnyPart, Event, Summary},
};
use crate::fault::Fault;
use serde::Serialize;

#[derive(Serialize)]
struct ErrorEvent<'a> {
    r#type: &'static str,
    code: &'a str,
    message: &'a str,
    param: Option<&'a str>,
    sequence_number: u64,
}

/// The event that ends a stream of somebody else's that breaks off; `number`: its place among the others.
pub fn error_event(fault: &Fault, number: u64) -> Vec<u8> {
    let event = ErrorEvent {
        r#type: "error",
        code: fault.code.as_deref().unwrap_or(fault.kind.wire().2),
        message: &fault.message,
        param: fault.param.as_deref(),
        sequence_number: number,
    };
    let json = serde_json::to_vec(&event).unwrap_or_default();
    [b"event: error\ndata: ".as_slice(), &json, b"\n\n"].concat()
}

/// Writes one event. Its own fields follow the two that every event has.
pub(super) fn line(out: &mut Vec<u8>, sequence: &mut u64, kind: &str, event: &Event<'_>) {
    let head =
        format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{sequence},");
    *sequence += 1;
    out.extend_from_slice(head.as_bytes());
    let brace = out.len();
    // Writing such a value into memory cannot fail; no event is without fields.
    let _ = serde_json::to_writer(&mut *out, event);
    out.remove(brace);
    out.extend_from_slice(b"\n\n");
}

/// The last events inside an item.
pub(super) fn close_parts(out: &mut Vec<u8>, sequence: &mut u64, index: usize, item: &Grown) {
    let id = item.id.as_str();
    match &item.is {
        Kind::Reasoning { text, .. } if !text.is_empty() => {
            let event = |text, part| Event {
                item_id: Some(id),
                output_index: Some(index),
                summary_index: Some(0),
                text,
                part,
                ..Event::default()
            };
            let kind = "response.reasoning_summary_text.done";
            line(out, sequence, kind, &event(Some(text), None));
            let kind = "response.reasoning_summary_part.done";
            line(out, sequence, kind, &event(None, Some(summary(text))));
        }
        Kind::Reasoning { .. } => {}
        Kind::Message(texts) => {
            if let (Some(at), Some(last)) = (texts.len().checked_sub(1), texts.last()) {
                close_text(out, sequence, id, index, at, last);
            }
        }
        Kind::Call {
            name, arguments, ..
        } => {
            let arguments = if arguments.is_empty() {
                "{}"
            } else {
                arguments
            };
            let event = Event {
                item_id: Some(id),
                output_index: Some(index),
                name: Some(name),
                arguments: Some(arguments),
                ..Event::default()
            };
            let kind = "response.function_call_arguments.done";
            line(out, sequence, kind, &event);
        }
        Kind::Image(_) => {
            for kind in ["in_progress", "generating", "completed"] {
                let event = Event {
                    item_id: Some(id),
                    output_index: Some(index),
                    ..Event::default()
                };
                let kind = format!("response.image_generation_call.{kind}");
                line(out, sequence, &kind, &event);
            }
        }
    }
}

pub(super) fn close_text(
    out: &mut Vec<u8>,
    sequence: &mut u64,
    id: &str,
    index: usize,
    content_index: usize,
    text: &Text,
) {
    let event = Event {
        item_id: Some(id),
        output_index: Some(index),
        content_index: Some(content_index),
        ..Event::default()
    };
    if text.refusal {
        let event = Event {
            refusal: Some(&text.text),
            ..event
        };
        line(out, sequence, "response.refusal.done", &event);
    } else {
        let event = Event {
            text: Some(&text.text),
            logprobs: Some([]),
            ..event
        };
        line(out, sequence, "response.output_text.done", &event);
    }
    let event = Event {
        item_id: Some(id),
        output_index: Some(index),
        content_index: Some(content_index),
        part: Some(AnyPart::Content(text.json())),
        ..Event::default()
    };
    line(out, sequence, "response.content_part.done", &event);
}

pub(super) const fn summary(text: &str) -> AnyPart<'_> {
    AnyPart::Summary(Summary {
        r#type: "summary_text",
        text,
    })
}
