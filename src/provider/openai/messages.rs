//! What becomes of the messages at hosts that are stricter than OpenAI. Each message that needs no
//! change keeps its bytes.

use super::ids::Ids;
use crate::{
    api::dropped::note,
    fault::{Fault, FaultKind},
    json::{Object, Raw, Str},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The rules of one host.
#[derive(Debug)]
pub(super) struct Messages {
    /// Without any of these in the text there is nothing to do. Empty: always look.
    pub(super) signs: &'static [&'static str],
    /// `developer` is not known here; `system` says the same.
    pub(super) developer: bool,
    /// The fields that a message may have, by its role. Empty: any; a role that stands nowhere
    /// here is refused.
    pub(super) fields: &'static [(&'static str, &'static [&'static str])],
    /// The kinds of parts that the host takes; others are refused. Empty: any.
    pub(super) parts: &'static [&'static str],
    /// Cache marks on parts are not known here.
    pub(super) unmarked: bool,
    /// What the host needs in particular.
    pub(super) ways: &'static [Way],
}

/// A need of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Documents are `document_url` parts.
    DocumentUrls,
    /// Tool call ids are nine letters and digits.
    NineIds,
    /// After a tool the model speaks, a system message never follows the model, and the model's
    /// last words are marked as such.
    StrictOrder,
    /// Reasoning returns in turns that use tools and nowhere else.
    ToolThoughts,
    /// `reasoning_details` of other providers are not known here.
    OwnDetails,
}

/// Messages made to fit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fitted {
    /// The list, when anything in it has changed.
    pub(super) json: Option<String>,
    /// A turn with tools lacks the reasoning that the host wants back.
    pub(super) lost_thoughts: bool,
}

/// One message on its way.
struct Turn<'a> {
    role: Cow<'a, str>,
    object: Object<'a>,
    text: &'a str,
    changed: bool,
}

/// Makes the messages of `body` fit. Lists what is left out.
///
/// Errors: what cannot be said to this host; names the field.
pub(super) fn fit(
    rules: &Messages,
    body: &Object<'_>,
    dropped: &mut Vec<String>,
) -> Result<Fitted, Fault> {
    let text = body.kept("messages").unwrap_or_default();
    if !rules.signs.is_empty() && !rules.signs.iter().any(|sign| text.contains(sign)) {
        return Ok(Fitted::default());
    }
    let Some(items) = body.items("messages") else {
        return Ok(Fitted::default()); // the host says so better than a guess here would
    };
    let (mut turns, mut ids) = (Vec::with_capacity(items.len()), Ids::default());
    for (index, object) in items.into_iter().enumerate() {
        let mut turn = Turn {
            role: word(&object, "role").unwrap_or_default(),
            text: object.source(),
            object,
            changed: false,
        };
        turn.fit(rules, index, &mut ids, dropped)?;
        turns.push(turn);
    }
    let has = |way| rules.ways.contains(&way);
    let lost_thoughts = has(Way::ToolThoughts) && tool_thoughts(&mut turns);
    let moved = has(Way::StrictOrder) && order(&mut turns);
    if !moved && turns.iter().all(|turn| !turn.changed) {
        return Ok(Fitted {
            json: None,
            lost_thoughts,
        });
    }
    let mut json = String::with_capacity(text.len() + 64);
    for (index, turn) in turns.iter().enumerate() {
        json.push(if index == 0 { '[' } else { ',' });
        turn.write_to(&mut json);
    }
    json.push(']');
    Ok(Fitted {
        json: Some(json),
        lost_thoughts,
    })
}

/// The tools without cache marks, beside their functions and in them; `None`: there are none.
pub(super) fn unmark_tools(body: &Object<'_>, dropped: &mut Vec<String>) -> Option<String> {
    const MARK: &str = "cache_control";
    let text = body.raw("tools").map(Raw::get)?;
    if !text.contains(MARK) {
        return None;
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let (mut tools, mut changed) = (Vec::with_capacity(items.len()), false);
    for item in items {
        let mut tool = Object::parse(item.get()).ok()?;
        let mut marked = tool.remove(MARK).is_some();
        let function = tool.raw("function").map(|raw| raw.get().to_owned());
        if let Some(mut function) = function
            .as_deref()
            .and_then(|text| Object::parse(text).ok())
            && function.remove(MARK).is_some()
        {
            let json = String::from_utf8(function.to_vec()).ok()?;
            let raw: &RawValue = serde_json::from_str(&json).ok()?;
            tool.set("function", raw).ok()?;
            marked = true;
        }
        changed |= marked;
        tools.push(match marked {
            true => String::from_utf8(tool.to_vec()).ok()?,
            false => item.get().to_owned(),
        });
    }
    // A parameter may be called so as well.
    changed.then(|| {
        note(dropped, "tools[].cache_control");
        format!("[{}]", tools.join(","))
    })
}

impl<'a> Turn<'a> {
    fn write_to(&self, out: &mut String) {
        if self.changed {
            self.object.write_to(out);
        } else {
            out.push_str(self.text);
        }
    }

    fn is_not(&self, key: &str) -> bool {
        self.object.raw(key).is_none_or(says_nothing)
    }

    fn calls_tools(&self) -> bool {
        self.role == "assistant" && !self.is_not("tool_calls")
    }

    fn set<T: serde::Serialize + ?Sized>(&mut self, key: &'static str, value: &T) {
        self.changed |= self.object.set(key, value).is_ok();
    }

    fn put(&mut self, key: &'static str, items: &[Cow<'_, str>]) {
        self.object.put(key, format!("[{}]", items.join(",")));
        self.changed = true;
    }

    fn remove(&mut self, key: &str) {
        self.changed |= self.object.remove(key).is_some();
    }

    fn fit(
        &mut self,
        rules: &Messages,
        index: usize,
        ids: &mut Ids,
        dropped: &mut Vec<String>,
    ) -> Result<(), Fault> {
        if rules.developer && self.role == "developer" {
            self.role = "system".into();
            self.set("role", "system");
        }
        if !rules.fields.is_empty() {
            self.keep_known(rules.fields, index, dropped)?;
        }
        if rules.unmarked || !rules.parts.is_empty() {
            self.fit_parts(rules, index, dropped)?;
        }
        if rules.ways.contains(&Way::NineIds) {
            self.nine_ids(ids);
        }
        if rules.ways.contains(&Way::OwnDetails) && !self.is_not("reasoning_details") {
            self.own_details();
        }
        Ok(())
    }

    /// Leaves out the fields that the host does not know. What an answer had and no request needs
    /// goes silently, everything else is listed.
    fn keep_known(
        &mut self,
        known: &[(&str, &[&str])],
        index: usize,
        dropped: &mut Vec<String>,
    ) -> Result<(), Fault> {
        const OF_ANSWERS: &[&str] = &[
            "annotations",
            "audio",
            "reasoning",
            "reasoning_content",
            "reasoning_details",
            "refusal",
        ];
        let Some((_, fields)) = known.iter().find(|(role, _)| *role == self.role) else {
            let place = format!("messages[{index}].role");
            let roles: Vec<_> = known.iter().map(|(role, _)| *role).collect();
            let message = format!(
                "`{place}` is not supported by this model's provider; it knows {}.",
                roles.join(", ")
            );
            return Err(Fault::new(FaultKind::Unsupported, message).at(place));
        };
        if self.role == "assistant" && self.is_not("content") && !self.is_not("refusal") {
            // What the model said when it refused is what it said.
            if let Some(refusal) = self.object.read::<Str<'_>>("refusal").ok().flatten() {
                let refusal = (*refusal).to_owned();
                self.set("content", &refusal);
            }
        }
        self.object.retain(|key, raw| {
            let is_known = fields.contains(&key);
            if !is_known && !says_nothing(raw) && !OF_ANSWERS.contains(&key) {
                note(dropped, &format!("messages[].{}", bounded(key)));
            }
            self.changed |= !is_known;
            is_known
        });
        Ok(())
    }

    fn fit_parts(
        &mut self,
        rules: &Messages,
        index: usize,
        dropped: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let Some(items) = self.object.items("content") else {
            return Ok(()); // a string, or what the host refuses
        };
        let (mut parts, mut changed) = (Vec::with_capacity(items.len()), false);
        for (at, mut part) in items.into_iter().enumerate() {
            let (kind, text) = (word(&part, "type").unwrap_or_default(), part.source());
            let mut own = None;
            if rules.unmarked && part.remove("cache_control").is_some() {
                note(dropped, "messages[].content[].cache_control");
                own = Some(part.clone());
            }
            if kind == "refusal" && !rules.parts.contains(&"refusal") {
                own = text_of_refusal(&part);
            } else if kind == "file" && rules.ways.contains(&Way::DocumentUrls) {
                own = Some(document(&part, index, at)?);
            } else if !rules.parts.is_empty() && !rules.parts.contains(&&*kind) {
                return Err(no_such_part(rules, &kind, index, at));
            }
            changed |= own.is_some();
            parts.push(own.map_or(Cow::Borrowed(text), |own| own.to_json().into()));
        }
        if changed {
            self.put("content", &parts);
        }
        Ok(())
    }

    fn nine_ids(&mut self, ids: &mut Ids) {
        if let Some(id) = self.object.read::<Str<'_>>("tool_call_id").ok().flatten()
            && let Some(new) = ids.nine(&id)
        {
            self.set("tool_call_id", new);
        }
        let Some(calls) = self.object.items("tool_calls") else {
            return;
        };
        let (mut made, mut changed) = (Vec::with_capacity(calls.len()), false);
        for mut call in calls {
            let text = call.source();
            let id = word(&call, "id");
            let new = id.as_deref().and_then(|id| ids.nine(id));
            let new = new.filter(|new| call.set("id", *new).is_ok());
            changed |= new.is_some();
            made.push(new.map_or(Cow::Borrowed(text), |_| call.to_json().into()));
        }
        if changed {
            self.put("tool_calls", &made);
        }
    }

    /// The items in OpenRouter's own form stay.
    /// Source: OpenRouter, "Reasoning tokens", `reasoning_details` (types `reasoning.*`), read 2026-11.
    fn own_details(&mut self) {
        #[derive(Deserialize)]
        struct Detail<'a> {
            #[serde(borrow, default)]
            r#type: Option<Str<'a>>,
        }
        let Some(details) = self
            .object
            .raw("reasoning_details")
            .map(|raw| raw.get().to_owned())
        else {
            return;
        };
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(&details) else {
            return;
        };
        let own = |item: &&&RawValue| {
            let detail = serde_json::from_str::<Detail<'_>>(item.get()).ok();
            let kind = detail.and_then(|detail| detail.r#type);
            kind.is_some_and(|kind| kind.starts_with("reasoning."))
        };
        let kept: Vec<_> = items.iter().filter(own).collect();
        if kept.is_empty() {
            self.remove("reasoning_details");
        } else if kept.len() < items.len() {
            self.set("reasoning_details", &kept);
        }
    }
}

/// DeepSeek ignores reasoning in turns without tools (its first models refused it) and insists on
/// it in turns with them. True when a turn with tools has none.
/// Source: DeepSeek API docs, "Thinking Mode", section "Tool Calls", read 2026-11.
fn tool_thoughts(turns: &mut [Turn<'_>]) -> bool {
    let mut lost = false;
    for turn in turns.split_mut(|turn| turn.role == "user") {
        let with_tools = turn.iter().any(Turn::calls_tools);
        for message in turn
            .iter_mut()
            .filter(|message| message.role == "assistant")
        {
            if !with_tools {
                message.remove("reasoning_content");
            } else if message.calls_tools() {
                lost |= message.is_not("reasoning_content");
            }
        }
    }
    lost
}

/// Mistral's order. True when messages were moved or added.
/// Source: mistral-common 1.11, `_validate_message_order` and `_validate_last_message`; the API's
/// error 3230, "Unexpected role 'user' after role 'tool'"; read 2026-11.
fn order(turns: &mut Vec<Turn<'_>>) -> bool {
    const BRIDGE: &str = r#"{"role":"assistant","content":"."}"#;
    // A system message behind the model's words goes to those at the start.
    let front = turns
        .iter()
        .take_while(|turn| turn.role == "system")
        .count();
    let (mut late, mut others) = (Vec::new(), Vec::new());
    for turn in turns.split_off(front) {
        let before: Option<&Turn<'_>> = others.last();
        let is_late = before.is_some_and(|turn| turn.role == "assistant" || turn.role == "tool");
        match turn.role == "system" && is_late {
            true => late.push(turn),
            false => others.push(turn),
        }
    }
    let mut moved = !late.is_empty();
    turns.append(&mut late);
    // Between a tool's result and the user the model says something.
    for turn in others {
        if turn.role == "user" && turns.last().is_some_and(|before| before.role == "tool") {
            turns.push(Turn {
                role: "assistant".into(),
                object: Object::default(),
                text: BRIDGE,
                changed: false,
            });
            moved = true;
        }
        turns.push(turn);
    }
    if let Some(last) = turns.last_mut()
        && last.role == "assistant"
        && !last.calls_tools()
        && last.is_not("prefix")
    {
        last.set("prefix", &true);
    }
    moved
}

fn says_nothing(raw: &Raw<'_>) -> bool {
    matches!(raw.get(), "null" | "\"\"" | "[]" | "{}")
}

/// A field that is a text.
fn word<'a>(object: &Object<'a>, key: &str) -> Option<Cow<'a, str>> {
    let text: Str<'a> = serde_json::from_str(object.kept(key)?).ok()?;
    Some(text.into_cow())
}

fn text_of_refusal<'a>(part: &Object<'a>) -> Option<Object<'a>> {
    let refusal = part.raw("refusal")?.clone();
    let mut text = Object::default();
    text.set("type", "text").ok()?;
    text.push("text".into(), refusal);
    Some(text)
}

/// A `file` part as Mistral has it.
/// Source: Mistral's Python SDK 3.7, `DocumentURLChunk`; API docs, "Document QnA", read 2026-11.
fn document(part: &Object<'_>, index: usize, at: usize) -> Result<Object<'static>, Fault> {
    #[derive(Deserialize)]
    struct File<'a> {
        #[serde(borrow, default)]
        file_data: Option<Str<'a>>,
        #[serde(borrow, default)]
        filename: Option<Str<'a>>,
    }
    let place = format!("messages[{index}].content[{at}].file");
    let file = part.read::<File<'_>>("file").ok().flatten();
    let Some((data, name)) = file.and_then(|file| Some((file.file_data?, file.filename))) else {
        let message = format!("`{place}` must hold the document itself in `file_data`.");
        return Err(Fault::new(FaultKind::Unsupported, message).at(place));
    };
    let mut made = Object::default();
    // Strings are always writable.
    let _ = made.set("type", "document_url");
    let _ = made.set("document_url", &*data);
    if let Some(name) = name {
        let _ = made.set("document_name", &*name);
    }
    Ok(made)
}

fn no_such_part(rules: &Messages, kind: &str, index: usize, at: usize) -> Fault {
    let place = format!("messages[{index}].content[{at}].type");
    let kinds: Vec<_> = rules
        .parts
        .iter()
        .map(|part| format!("\"{part}\""))
        .collect();
    let message = format!(
        "`{place}` \"{}\" is not supported by this model's provider; it takes {}.",
        bounded(kind),
        kinds.join(", ")
    );
    Fault::new(FaultKind::Unsupported, message).at(place)
}

/// A name of the client's for messages and headers.
fn bounded(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_ascii_graphic() && *c != ',')
        .take(64)
        .collect()
}
