//! Writes an answer as `chat.completion.chunk` events.

use super::{Image, MAX_CHOICES, UsageJson, name};
use crate::{
    api::answer::{AnswerSink, Part, Usage, call_id},
    fault::Fault,
    json::{boxed, one_line},
};
use serde::Serialize;
use serde_json::value::RawValue;

/// Most that is kept for the ends of the choices, and what each part counts at least; beyond it, what is kept is
/// written at once. Units: bytes.
const MAX_KEPT_BYTES: usize = 8 << 20;
const LEAST_KEPT_BYTES: usize = 64;

/// The only place where chunk ids, roles, the usage chunk and `[DONE]` are written.
#[derive(Debug, Default)]
pub struct ChunkWriter {
    id: String,
    model: String,
    created: u64,
    include_usage: bool,
    opened: Vec<u32>,
    kept: Vec<Kept>,
    kept_bytes: usize,
    usage: Option<Usage>,
    out: Vec<u8>,
}

/// What a choice says in one delta before its end. The SDKs' stream helpers take a list whose elements have no
/// index from one chunk only: of a second one the one makes an error, the other forgets the first.
/// Source: openai 3.52 for Python, `lib/streaming/_deltas.py`; openai 7.55 for Node, `lib/ChatCompletionStream.ts`.
#[derive(Debug, Default)]
struct Kept {
    choice: u32,
    bytes: usize,
    details: Vec<Box<RawValue>>,
    images: Vec<String>,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageJson>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Logprobs<'a> {
    content: &'a RawValue,
    refusal: (),
}

#[derive(Serialize, Default)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reasoning_details: &'a [Box<RawValue>],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl ChunkWriter {
    /// `created`: seconds since 1970. `include_usage`: the client asked for the usage chunk.
    pub fn new(created: u64, include_usage: bool) -> Self {
        Self {
            created,
            include_usage,
            ..Self::default()
        }
    }

    /// What the answer is called where the provider does not say.
    #[must_use]
    pub fn unless_named(mut self, id: &str, model: &str) -> Self {
        self.open(id, model);
        self
    }

    /// Ends a complete answer.
    pub fn done(&mut self) {
        self.hand_out(|_| true);
        if let (true, Some(usage)) = (self.include_usage, self.usage) {
            self.line(&[], Some(usage.into()));
        }
        self.out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Ends an answer that broke off: an error event and no `[DONE]`.
    pub fn fail(&mut self, fault: &Fault) {
        self.hand_out(|_| true);
        self.out.extend_from_slice(b"data: ");
        self.out.extend_from_slice(&fault.body());
        self.out.extend_from_slice(b"\n\n");
    }

    /// The bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Keeps a part of `bytes` for the end of its choice.
    fn keep(&mut self, choice: u32, bytes: usize, add: impl FnOnce(&mut Kept)) {
        let bytes = bytes.max(LEAST_KEPT_BYTES);
        if self.kept_bytes.saturating_add(bytes) > MAX_KEPT_BYTES {
            self.hand_out(|_| true);
        }
        self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        let known = self.kept.iter().position(|kept| kept.choice == choice);
        let at = known.unwrap_or(self.kept.len());
        if known.is_none() {
            self.kept.push(Kept::default());
        }
        if let Some(kept) = self.kept.get_mut(at) {
            kept.choice = choice;
            kept.bytes = kept.bytes.saturating_add(bytes);
            add(kept);
        }
    }

    /// Writes what is kept of these choices.
    fn hand_out(&mut self, of: impl Fn(u32) -> bool) {
        let now = self.kept.extract_if(.., |kept| of(kept.choice));
        for kept in now.collect::<Vec<_>>() {
            self.kept_bytes = self.kept_bytes.saturating_sub(kept.bytes);
            let delta = Delta {
                reasoning_details: &kept.details,
                images: kept.images.iter().map(|url| Image::at(url)).collect(),
                ..Delta::default()
            };
            let choice = Choice {
                index: kept.choice,
                delta,
                logprobs: None,
                finish_reason: None,
            };
            self.line(&[choice], None);
        }
    }

    fn line(&mut self, choices: &[Choice<'_>], usage: Option<UsageJson>) {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage,
        };
        self.out.extend_from_slice(b"data: ");
        // Writing such a value into memory cannot fail.
        let _ = serde_json::to_writer(&mut self.out, &chunk);
        self.out.extend_from_slice(b"\n\n");
    }
}

impl AnswerSink for ChunkWriter {
    fn open(&mut self, id: &str, model: &str) {
        name(&mut self.id, id);
        name(&mut self.model, model);
    }

    fn part(&mut self, choice: u32, part: Part<'_>) {
        if matches!(part, Part::StopSequence(_)) {
            return; // there is no place for it
        }
        let first = !self.opened.contains(&choice);
        if first && self.opened.len() == MAX_CHOICES {
            return;
        }
        if first {
            self.opened.push(choice);
        }
        let mut delta = Delta {
            role: first.then_some("assistant"),
            ..Delta::default()
        };
        let (mut finish_reason, mut logprobs) = (None, None);
        let named;
        match part {
            Part::Text(text) => delta.content = Some(text),
            Part::Refusal(text) => delta.refusal = Some(text),
            Part::Thought(text) => delta.reasoning_content = Some(text),
            Part::ThoughtDetail(json) => {
                let detail = boxed(one_line(json).into_owned());
                self.keep(choice, json.len(), |kept| kept.details.extend(detail));
            }
            Part::Image(url) => {
                self.keep(choice, url.len(), |kept| kept.images.push(url.to_owned()));
            }
            Part::ToolCall { index, id, name } => {
                named = call_id(id, &self.id, index);
                delta.tool_calls = Some([ToolCall {
                    index,
                    id: Some(&named),
                    r#type: Some("function"),
                    function: Function {
                        name: Some(name),
                        arguments: "",
                    },
                }]);
            }
            Part::ToolInput { index, json } => {
                delta.tool_calls = Some([ToolCall {
                    index,
                    id: None,
                    r#type: None,
                    function: Function {
                        name: None,
                        arguments: json,
                    },
                }]);
            }
            Part::Logprobs(json) => {
                logprobs = serde_json::from_str(json).ok().map(|content| Logprobs {
                    content,
                    refusal: (),
                });
            }
            Part::StopSequence(_) => {}
            Part::Finish(finish) => {
                self.hand_out(|of| of == choice);
                finish_reason = Some(finish.as_str());
            }
        }
        // Of what is kept, the client hears at once that its choice has begun.
        if !first && matches!(part, Part::ThoughtDetail(_) | Part::Image(_)) {
            return;
        }
        let choice = Choice {
            index: choice,
            delta,
            logprobs,
            finish_reason,
        };
        self.line(&[choice], None);
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::answer::Finish, fault::FaultKind};
    use serde_json::{Value, json};

    /// The choices and deltas written since the last look; an error as it is.
    fn written(writer: &mut ChunkWriter) -> Vec<Value> {
        let text = String::from_utf8(writer.take()).unwrap();
        let events = text
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: "));
        let events = events.map(|data| serde_json::from_str::<Value>(data).unwrap_or_default());
        let choice = |event: Value| {
            let choice = &event["choices"][0];
            match choice["delta"].as_object() {
                Some(delta) => {
                    json!([choice["index"], delta, choice["finish_reason"]])
                }
                None => event["error"]["code"].clone(),
            }
        };
        events.map(choice).collect()
    }

    #[test]
    fn what_has_no_index_comes_in_one_delta_before_the_end_of_its_choice() {
        let mut writer = ChunkWriter::default();
        writer.part(0, Part::ThoughtDetail("{\"a\":\n1}"));
        writer.part(1, Part::Text("x"));
        writer.part(0, Part::Image("data:,1"));
        writer.part(1, Part::ThoughtDetail("{\"b\":2}"));
        writer.part(0, Part::ThoughtDetail("{\"c\":3}"));
        writer.part(0, Part::Finish(Finish::Stop));
        let image = json!({"type": "image_url", "image_url": {"url": "data:,1"}});
        let kept = json!({"reasoning_details": [{"a": 1}, {"c": 3}], "images": [image]});
        assert_eq!(
            written(&mut writer),
            [
                json!([0, {"role": "assistant"}, null]),
                json!([1, {"role": "assistant", "content": "x"}, null]),
                json!([0, kept, null]),
                json!([0, {}, "stop"]),
            ]
        );
        writer.done();
        let late = json!([1, {"reasoning_details": [{"b": 2}]}, null]);
        assert_eq!(written(&mut writer), [late, Value::Null]);
    }

    #[test]
    fn nothing_that_is_kept_is_lost_when_an_answer_breaks_off() {
        let mut writer = ChunkWriter::default();
        writer.part(0, Part::ThoughtDetail("{\"a\":1}"));
        writer.take();
        writer.fail(&Fault::new(FaultKind::Overloaded, "later"));
        assert_eq!(
            written(&mut writer),
            [
                json!([0, {"reasoning_details": [{"a": 1}]}, null]),
                json!(FaultKind::Overloaded.wire().2),
            ]
        );
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_beyond_goes_at_once() {
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_KEPT_BYTES / 2));
        let many = MAX_KEPT_BYTES / LEAST_KEPT_BYTES + 5;
        for (detail, times) in [(large.as_str(), 5), ("{}", many)] {
            let mut writer = ChunkWriter::default();
            let mut seen = 0;
            let mut count = |writer: &mut ChunkWriter| {
                let list =
                    |said: &Value| said[1]["reasoning_details"].as_array().map_or(0, Vec::len);
                seen += written(writer).iter().map(list).sum::<usize>();
                seen
            };
            for _ in 0..times {
                writer.part(0, Part::ThoughtDetail(detail));
                assert!(writer.kept_bytes <= MAX_KEPT_BYTES);
                count(&mut writer);
            }
            assert!((1..times).contains(&count(&mut writer)), "{times}");
            writer.part(0, Part::Finish(Finish::Stop));
            assert_eq!(count(&mut writer), times);
        }
    }
}
