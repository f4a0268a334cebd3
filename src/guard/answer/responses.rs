//! The Responses API: the items of a whole response, and events, which say every text several times: in pieces, when it
//! is complete, with its part, with its item, and with the whole response at the end.
//! Source: `Response`, `ResponseStreamEvent` of OpenAI's official Python SDK 3.52, read 2026-11.

use super::{Comes, End, Form, Key, Look, What};
use crate::{
    guard::request::Addresses,
    json::{Str, each},
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    sequence_number: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item_id: Option<&'a RawValue>,
    #[serde(default)]
    output_index: Option<u32>,
    #[serde(default)]
    content_index: Option<u32>,
    #[serde(default)]
    summary_index: Option<u32>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(default)]
    command_index: Option<u32>,
    #[serde(borrow, default)]
    command: Option<&'a RawValue>,
    #[serde(borrow, default)]
    diff: Option<&'a RawValue>,
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
    #[serde(default)]
    annotation_index: Option<u32>,
    #[serde(borrow, default)]
    annotation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    part: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    encrypted_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    operation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    outputs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    results: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
}

/// What a tool is to do that grows in events of its own.
#[derive(Deserialize)]
struct Task<'a> {
    #[serde(borrow, default)]
    commands: Option<&'a RawValue>,
    #[serde(borrow, default)]
    diff: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    r#type: Option<Str<'a>>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

/// The kinds of text that come in pieces, as their events are called; with what their deltas are filled.
const GROWING: &[(&str, What)] = &[
    ("output_text", What::Text),
    ("refusal", What::Refusal),
    ("reasoning_text", What::Thought),
    ("reasoning_summary_text", What::Summary),
    ("function_call_arguments", What::Call),
    ("mcp_call_arguments", What::Mcp),
    ("custom_tool_call_input", What::Input),
    ("code_interpreter_call_code", What::Code),
    ("shell_call_command", What::Command),
    ("apply_patch_call_operation_diff", What::Diff),
    ("audio.transcript", What::Transcript),
];

/// What the events of a kind of text are called: `response.<name>.delta`.
pub(super) fn growing(what: What) -> Option<&'static str> {
    let of = |(name, is): &(&'static str, What)| (*is == what).then_some(*name);
    GROWING.iter().find_map(of)
}

/// Looks at an event of a stream. `None`: it cannot be read.
pub(super) fn look<'a>(name: &str, data: &'a str) -> Option<Look<'a>> {
    let event: Event<'a> = serde_json::from_str(data).ok()?;
    let mut look = Look {
        number: event.sequence_number.map(RawValue::get),
        ..Look::default()
    };
    let kind = event.r#type.as_deref().unwrap_or(name);
    let kind = kind.strip_prefix("response.").unwrap_or(kind);
    let of = event.output_index.unwrap_or(0);
    match kind {
        "content_part.done" | "reasoning_summary_part.done" => {
            look.ends.push(End::All(of));
        }
        "output_item.done" => look.ends.push(End::All(of)),
        "completed" | "incomplete" | "failed" | "error" => look.ends.push(End::Everything),
        _ => {}
    }
    if let Some((what, step)) = grown(kind) {
        look.text(&event, Key::new(of, event.place(what), what), step)?;
    } else if let (Some(raw), "shell_call_output_content.delta") = (event.delta, kind) {
        look.results(of, &mut 0, raw, Addresses::Stay, Comes::Whole)?;
    }
    if let Some(raw) = event.annotation {
        let part = event.content_index.unwrap_or(0);
        let place = event.annotation_index.unwrap_or(0);
        look.source(of, part, place, raw, Comes::Again)?;
    }
    // What a part or an item begins with goes on in the deltas behind.
    let comes = match kind.ends_with(".added") {
        true => Comes::Piece,
        false => Comes::Again,
    };
    if let Some(raw) = event.part {
        let place = event.content_index.or(event.summary_index).unwrap_or(0);
        look.part(of, place, raw, comes)?;
        for spot in &mut look.spots {
            spot.id = event.item_id.map(RawValue::get);
        }
    }
    if let Some(raw) = event.item {
        look.item(of, raw, comes)?;
    }
    if let Some(raw) = event.response {
        look.response(raw.get())?;
    }
    Some(look)
}

/// What an event does to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It says its beginning.
    Begins,
    /// It says more of it.
    Grows,
    /// It says all of it once more.
    Ends,
}

/// What kind of text an event is about, and what it does to it.
fn grown(kind: &str) -> Option<(What, Step)> {
    let (name, step) = kind.rsplit_once('.')?;
    let step = match step {
        "added" => Step::Begins,
        "delta" => Step::Grows,
        "done" => Step::Ends,
        _ => return None,
    };
    let (_, what) = GROWING.iter().find(|(growing, _)| *growing == name)?;
    Some((*what, step))
}

/// Looks at a whole response. `None`: it cannot be read.
pub(super) fn look_whole(body: &str) -> Option<Look<'_>> {
    let mut look = Look::default();
    look.response(body)?;
    Some(look)
}

impl Event<'_> {
    /// Where in its item a text stands.
    fn place(&self, what: What) -> u32 {
        match what {
            What::Summary => self.summary_index.unwrap_or(0),
            What::Command => self.command_index.unwrap_or(0),
            What::Text | What::Refusal | What::Thought => self.content_index.unwrap_or(0),
            _ => 0,
        }
    }
}

impl<'a> Look<'a> {
    fn text(&mut self, event: &Event<'a>, key: Key, step: Step) -> Option<()> {
        let whole = match key.what {
            What::Refusal => event.refusal,
            What::Call | What::Mcp => event.arguments,
            What::Input => event.input,
            What::Code => event.code,
            What::Command => event.command,
            What::Diff => event.diff,
            _ => event.text,
        };
        let (raw, comes) = match step {
            Step::Begins => (whole, Comes::Piece),
            Step::Grows => (event.delta, Comes::Piece),
            Step::Ends => (whole, Comes::Again),
        };
        if step == Step::Ends {
            self.ends.push(End::Of(key));
        }
        if let Some(raw) = event.logprobs.filter(|raw| raw.get() != "[]") {
            self.tokens.push((raw.get(), "[]"));
        }
        let Some(raw) = raw else { return Some(()) };
        match key.what {
            What::Call | What::Mcp => self.push_arguments(key, raw, comes),
            _ => self.add(key, raw, comes)?,
        }
        if let Some(spot) = self.spots.last_mut() {
            spot.id = event.item_id.map(RawValue::get);
        }
        Some(())
    }

    fn part(&mut self, of: u32, place: u32, raw: &'a RawValue, comes: Comes) -> Option<()> {
        let part: Part<'a> = serde_json::from_str(raw.get()).ok()?;
        let what = match part.r#type.as_deref() {
            Some("summary_text") => What::Summary,
            Some("reasoning_text") => What::Thought,
            _ => What::Text,
        };
        // A part that begins is empty.
        let said = |raw: &&'a RawValue| raw.get() != "\"\"";
        if let Some(raw) = part.text.filter(said) {
            self.add(Key::new(of, place, what), raw, comes)?;
        }
        if let Some(raw) = part.refusal.filter(said) {
            self.add(Key::new(of, place, What::Refusal), raw, comes)?;
        }
        if let Some(raw) = part.logprobs.filter(|raw| raw.get() != "[]") {
            self.tokens.push((raw.get(), "[]"));
        }
        self.sources(of, place, part.annotations, Comes::Again)
    }

    fn parts(&mut self, of: u32, list: Option<&'a RawValue>, comes: Comes) -> Option<()> {
        let (mut place, mut read) = (0, Some(()));
        each(list, |raw| {
            read = read.and(self.part(of, place, raw, comes));
            place += 1;
        });
        read
    }

    fn item(&mut self, of: u32, raw: &'a RawValue, comes: Comes) -> Option<()> {
        let item: Item<'a> = serde_json::from_str(raw.get()).ok()?;
        let begun = self.spots.len();
        self.parts(of, item.content, comes)?;
        self.parts(of, item.summary, comes)?;
        let said = |raw: &&'a RawValue| raw.get() != "\"\"";
        let call = match item.r#type.as_deref() {
            Some("mcp_call" | "mcp_approval_request") => What::Mcp,
            _ => What::Call,
        };
        if let Some(raw) = item.arguments.filter(said) {
            self.push_arguments(Key::new(of, 0, call), raw, comes);
        }
        if let Some(raw) = item.input.filter(said) {
            self.add(Key::new(of, 0, What::Input), raw, comes)?;
        }
        if let Some(raw) = item.code.filter(said) {
            self.add(Key::new(of, 0, What::Code), raw, comes)?;
        }
        if let Some(raw) = item.encrypted_content {
            self.push(
                Key::new(of, 0, What::Sealed),
                raw,
                Form::Sealed,
                Comes::Again,
            );
        }
        self.tools(of, &item, comes)?;
        for spot in self.spots.iter_mut().skip(begun) {
            spot.id = item.id.map(RawValue::get);
        }
        Some(())
    }

    /// What tools of the provider are to do, and what they have said.
    fn tools(&mut self, of: u32, item: &Item<'a>, comes: Comes) -> Option<()> {
        let mut next = 0;
        for raw in item.action.into_iter().chain(item.operation) {
            let task: Option<Task<'a>> = serde_json::from_str(raw.get()).ok();
            let Some(task) = task.filter(|task| task.commands.is_some() || task.diff.is_some())
            else {
                self.results(of, &mut next, raw, Addresses::Stay, Comes::Again)?;
                continue;
            };
            let (mut place, mut read) = (0, Some(()));
            each(task.commands, |raw| {
                read = read.and(self.add(Key::new(of, place, What::Command), raw, comes));
                place += 1;
            });
            read?;
            if let Some(raw) = task.diff.filter(|raw| raw.get() != "\"\"") {
                self.add(Key::new(of, 0, What::Diff), raw, comes)?;
            }
        }
        let said = [item.outputs, item.results, item.output];
        for raw in said.into_iter().flatten() {
            self.results(of, &mut next, raw, Addresses::Stay, Comes::Again)?;
        }
        Some(())
    }

    fn response(&mut self, text: &'a str) -> Option<()> {
        let response: Response<'a> = serde_json::from_str(text).ok()?;
        let (mut of, mut read) = (0, Some(()));
        each(response.output, |raw| {
            read = read.and(self.item(of, raw, Comes::Again));
            of += 1;
        });
        read
    }
}
