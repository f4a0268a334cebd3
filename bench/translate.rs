//! What a translation costs, on this machine and without Envoy: every dialect of the registry against
//! reading the same conversation into raw fields. Called by `scripts/bench.sh`; `--quick` takes a
//! tenth of the time, names of dialects measure these alone.
//!
//! The yardsticks:
//! - *the body*: `Object::parse`, one strict pass over the whole text that keeps one level of fields;
//! - *serde_json*: the same level of fields as it gives them, from the client's bytes;
//! - *the messages too*: and then every message, every part of its content and every call of a tool
//!   as raw fields of their own, which is the least that a translator must see.
//!
//! The goal is three times what `serde_json` takes.
//!
//! A translation is what the provider role does with a body that nothing describes: the bytes of the
//! client are checked and read, and the dialect writes the complete request. Everything is measured
//! in turns; the best turn counts, since other work on the machine only ever adds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    missing_docs
)]

use envoy_llm_gateway::{
    api::{
        answer::{AnswerSink, Part, Usage},
        chat::{AnswerWriter, Chat, ChunkWriter},
        client::{Api, Asked},
    },
    config::{Config, Provider},
    frame::Splitter,
    json::{Object, Str},
    provider::{ChatDialect, Entry, OutBody, REGISTRY},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{json, value::RawValue};
use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

/// Units: bytes of a request.
const SIZE: usize = 100 << 10;
/// Events of text in a stream.
const CHUNKS: usize = 100;
/// The most that a translation may cost, in readings of the body by `serde_json`.
const GOAL: f64 = 3.0;
const TURNS: usize = 200;
const QUICK_TURNS: usize = 20;
/// How long one turn of one subject takes, so that the clock's own cost vanishes.
const TURN: Duration = Duration::from_micros(500);

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let turns = if quick { QUICK_TURNS } else { TURNS };
    // Cargo passes an option of its own.
    let named: Vec<_> = arguments.iter().filter(|a| !a.starts_with("--")).collect();
    let wanted = |entry: &&Entry| named.is_empty() || named.iter().any(|n| *n == entry.name);
    let providers: Vec<_> = REGISTRY.iter().filter(wanted).map(configured).collect();
    let mut worst = 0.0_f64;
    for (about, body) in [
        ("A conversation of 100 KB with tools", conversation()),
        ("A conversation of 100 KB, most of it an image", picture()),
    ] {
        worst = worst.max(requests(about, &body, &providers, turns));
    }
    answers(&providers, turns);
    println!(
        "\nThe dearest translation takes {worst:.2} times as long as `serde_json` takes to read the body into raw fields (goal: {GOAL:.0} at most)."
    );
}

/// One dialect, ready to be asked.
struct Subject {
    entry: &'static Entry,
    provider: Provider,
}

impl Subject {
    fn chat(&self) -> &dyn ChatDialect {
        self.provider.speaks.chat().expect("every dialect chats")
    }
}

fn configured(entry: &'static Entry) -> Subject {
    let mut settings = json!({"role": "provider", "dialect": entry.name});
    if entry.name.contains("vertex") {
        settings["project"] = "p".into();
        settings["location"] = "global".into();
    }
    match Config::parse(settings.to_string().as_bytes()) {
        Ok(Config::Provider(provider)) => Subject { entry, provider },
        other => panic!("{}: {other:?}", entry.name),
    }
}

/// The best time of each subject. Units: microseconds for one call.
fn measured(turns: usize, subjects: &mut [Box<dyn FnMut() + '_>]) -> Vec<f64> {
    let often: Vec<u32> = subjects
        .iter_mut()
        .map(|subject| {
            let started = Instant::now();
            for _ in 0..5 {
                subject();
            }
            let one = (started.elapsed() / 5).max(Duration::from_nanos(100));
            u32::try_from(TURN.as_nanos() / one.as_nanos())
                .unwrap()
                .max(1)
        })
        .collect();
    let mut best = vec![f64::INFINITY; subjects.len()];
    for _ in 0..turns {
        for ((subject, best), often) in subjects.iter_mut().zip(&mut best).zip(&often) {
            let started = Instant::now();
            for _ in 0..*often {
                subject();
            }
            let one = started.elapsed().as_secs_f64() * 1e6 / f64::from(*often);
            *best = best.min(one);
        }
    }
    best
}

/// Prints the table of one body; gives the highest ratio in it.
fn requests(about: &str, body: &str, providers: &[Subject], turns: usize) -> f64 {
    let mut subjects: Vec<Box<dyn FnMut() + '_>> = vec![
        Box::new(|| {
            black_box(Object::parse(black_box(body)).unwrap());
        }),
        Box::new(|| {
            let bytes = black_box(body).as_bytes();
            let fields: HashMap<String, &RawValue> = serde_json::from_slice(bytes).unwrap();
            black_box(fields);
        }),
        Box::new(|| {
            black_box(raw_fields(black_box(body)));
        }),
    ];
    let mut names = Vec::new();
    for subject in providers {
        let (chat, model) = (subject.chat(), subject.entry.features.model);
        if let Err(fault) = translated(chat, model, body) {
            println!("{}: {}", subject.entry.name, fault);
            continue;
        }
        names.push(subject.entry.name);
        subjects.push(Box::new(move || {
            let _ = black_box(translated(chat, model, black_box(body)));
        }));
    }
    let best = measured(turns, &mut subjects);
    let [one_level, serde, all, ref translations @ ..] = best[..] else {
        unreachable!("three yardsticks");
    };
    println!(
        "\n{about} ({} bytes): us, and in readings of it\n",
        body.len()
    );
    println!(
        "{:24}{:>10}{:>12}{:>12}{:>20}",
        "", "us", "the body", "serde_json", "the messages too"
    );
    let row = |name: &str, us: f64| {
        println!(
            "{name:24}{us:>10.1}{:>12.2}{:>12.2}{:>20.2}",
            us / one_level,
            us / serde,
            us / all
        );
    };
    row("read: the body", one_level);
    row("read: serde_json", serde);
    row("read: the messages too", all);
    for (name, us) in names.iter().zip(translations) {
        row(name, *us);
    }
    translations.iter().copied().fold(0.0, f64::max) / serde
}

/// The bytes of the client become the complete request.
fn translated(chat: &dyn ChatDialect, model: &str, body: &str) -> Result<OutBody, String> {
    let asked = Asked::parse(Api::Chat, body.as_bytes()).map_err(|fault| fault.message)?;
    let mut asked: Chat<'_> = asked.into_chat();
    asked.model = model.into();
    let outgoing = chat.request(&asked).map_err(|fault| fault.message)?;
    Ok(outgoing.body)
}

/// Everything that a translator must at least see, as raw fields. Gives how many there are.
fn raw_fields(text: &str) -> usize {
    let body = Object::parse(text).unwrap();
    let messages: Vec<Fields<'_>> = list(body.raw("messages").unwrap().get());
    let parts = messages.iter().flat_map(|message| &message.0);
    let parts = parts
        .filter(|(key, raw)| {
            matches!(&**key, "content" | "tool_calls") && raw.get().starts_with('[')
        })
        .flat_map(|(_, raw)| list(raw.get()));
    body.iter().count() + parts.count() + messages.len()
}

fn list(text: &str) -> Vec<Fields<'_>> {
    serde_json::from_str(text).unwrap()
}

/// One object as raw fields, read where it stands.
struct Fields<'a>(Vec<(Str<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Look)
    }
}

/// An agent that reads code: prose and source text, calls with arguments, results in JSON.
fn conversation() -> String {
    const PROSE: &str = "The parser reads a key, then a value; when the value is an object it descends. Müller's report (№ 17, “naïve” path) says: 東京 answers first, 🙂 and then the rest.\nSee `scan()` for \"why\".\n\n";
    const CODE: &str = "```rust\nfn main() {\n\tlet path = \"C:\\\\temp\\\\x\";\n\tprintln!(\"{}\", path);\n}\n```\n";
    let text = |n: usize| format!("{n}. {}{}", PROSE.repeat(2 + n % 4), CODE.repeat(n % 3));
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let mut out = format!(
        r#"{{"model":"support","stream":true,"max_completion_tokens":4096,"tools":[{}],"messages":[{{"role":"system","content":{}}}"#,
        (0..6).map(tool).collect::<Vec<_>>().join(","),
        quoted(&text(6)),
    );
    for turn in 0.. {
        let call = json!({"path": format!("src/part_{turn}.rs"), "line": turn, "note": "größer \"als\" 1\n"});
        let result = json!({"file": format!("src/part_{turn}.rs"), "lines": [1, 2.5, 9007199254740993_u64], "text": text(turn + 1)});
        let messages = [
            format!(r#"{{"role":"user","content":{}}}"#, quoted(&text(turn))),
            format!(
                r#"{{"role":"assistant","content":{},"tool_calls":[{{"id":"call_{turn}a","type":"function","function":{{"name":"read_0","arguments":{}}}}},{{"id":"call_{turn}b","type":"function","function":{{"name":"read_1","arguments":{}}}}}]}}"#,
                quoted("I look at both files."),
                quoted(&call.to_string()),
                quoted(&call.to_string()),
            ),
            format!(
                r#"{{"role":"tool","tool_call_id":"call_{turn}a","content":{}}}"#,
                quoted(&result.to_string()),
            ),
            format!(
                r#"{{"role":"tool","tool_call_id":"call_{turn}b","content":{}}}"#,
                quoted(&text(turn + 2)),
            ),
            format!(
                r#"{{"role":"assistant","content":{}}}"#,
                quoted(&text(turn + 3))
            ),
            format!(
                r#"{{"role":"user","content":[{{"type":"text","text":{}}},{{"type":"text","text":"caf\u00e9 \ud83d\ude42 {turn}"}}]}}"#,
                quoted(&text(turn + 1)),
            ),
        ];
        let more = messages.join(",");
        if out.len() + more.len() + 3 > SIZE {
            // What is left becomes one last question.
            let left = SIZE.saturating_sub(out.len() + 40);
            write!(
                out,
                r#",{{"role":"user","content":"{}"}}]}}"#,
                "x".repeat(left)
            )
            .unwrap();
            return out;
        }
        write!(out, ",{more}").unwrap();
    }
    out
}

fn tool(number: usize) -> String {
    format!(
        r#"{{"type":"function","function":{{"name":"read_{number}","description":"Reads a part of a file.","parameters":{{"type":"object","properties":{{"path":{{"type":"string","description":"Where it is."}},"line":{{"type":"integer","minimum":0}},"note":{{"type":"string"}},"mode":{{"type":"string","enum":["a","b"]}}}},"required":["path"]}}}}}}"#
    )
}

fn picture() -> String {
    let head = r#"{"model":"support","messages":[{"role":"system","content":"You describe pictures."},{"role":"user","content":[{"type":"text","text":"What is on it?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,"#;
    let tail = r#""}}]}]}"#;
    let room = (SIZE - head.len() - tail.len()) / 4 * 4;
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 7_u32;
    let image: String = (0..room)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(alphabet[(state >> 26) as usize])
        })
        .collect();
    format!("{head}{image}{tail}")
}

/// The way back of those dialects whose answers are written anew, from their own fixtures.
fn answers(providers: &[Subject], turns: usize) {
    println!("\nThe way back: us, and in readings of the same JSON\n");
    println!(
        "{:24}{:>22}{:>14}{:>14}",
        "",
        format!("{CHUNKS} chunks"),
        "whole answer",
        "of bytes"
    );
    for subject in providers.iter().filter(|s| s.chat().events().is_some()) {
        let chat = subject.chat();
        let folder = Path::new("tests/fixtures").join(subject.entry.name);
        let stream = fixtures(&folder, &["3-upstream.sse", "3-upstream.bin"])
            .into_iter()
            .find_map(|bytes| lengthened(chat, &bytes));
        let whole = fixtures(&folder, &["3-upstream.json"])
            .into_iter()
            .filter(|bytes| bytes.starts_with(b"{"))
            .filter(|bytes| chat.answer(bytes, &mut Look::default()).is_ok())
            .max_by_key(Vec::len);
        let (Some(stream), Some(whole)) = (stream, whole) else {
            panic!("{}: no answer among the fixtures", subject.entry.name);
        };
        let text = std::str::from_utf8(&whole).unwrap();
        let best = measured(
            turns / 4,
            &mut [
                Box::new(|| {
                    let mut splitter = Splitter::new(chat.framing(), 1 << 20);
                    let read = splitter.push(black_box(&stream), |event| {
                        black_box(event.data.as_deref().map(Object::parse).is_some());
                    });
                    read.unwrap();
                }),
                Box::new(|| {
                    black_box(chunks(chat, black_box(&stream)));
                }),
                Box::new(|| {
                    black_box(Object::parse(black_box(text)).unwrap());
                }),
                Box::new(|| {
                    let mut writer = AnswerWriter::default();
                    chat.answer(black_box(&whole), &mut writer).unwrap();
                    black_box(writer.body(0));
                }),
            ],
        );
        println!(
            "{:24}{:>14.1}{:>8.2}{:>8.1}{:>6.2}{:>14}",
            subject.entry.name,
            best[1],
            best[1] / best[0],
            best[3],
            best[3] / best[2],
            whole.len(),
        );
    }
}

/// The files of these names in the cases of a dialect, in the order of the cases.
fn fixtures(folder: &Path, names: &[&str]) -> Vec<Vec<u8>> {
    let mut cases: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    let files = cases
        .iter()
        .flat_map(|case| names.iter().map(move |name| case.join(name)));
    files.filter_map(|path| fs::read(path).ok()).collect()
}

/// A stream in which the event that says the first text comes a hundred times.
fn lengthened(chat: &dyn ChatDialect, stream: &[u8]) -> Option<Vec<u8>> {
    let mut splitter = Splitter::new(chat.framing(), 1 << 20);
    let (mut events, mut look) = (chat.events()?, Look::default());
    let (mut out, mut repeated, mut whole) = (Vec::new(), false, true);
    splitter
        .push(stream, |event| {
            look.text = false;
            whole &= event.data.is_none() || events.event(&event, &mut look).is_ok();
            let often = if look.text && !repeated { CHUNKS } else { 1 };
            repeated |= look.text;
            out.extend(event.raw.repeat(often));
        })
        .ok()?;
    (repeated && whole && events.close(&mut look).is_ok()).then_some(out)
}

fn chunks(chat: &dyn ChatDialect, stream: &[u8]) -> Vec<u8> {
    let mut splitter = Splitter::new(chat.framing(), 1 << 20);
    let (mut events, mut writer) = (chat.chunks(), ChunkWriter::new(0, true));
    splitter
        .push(stream, |event| {
            if event.data.is_some() {
                let _ = events.event(&event, &mut writer);
            }
        })
        .unwrap();
    events.close(&mut writer).unwrap();
    writer.done();
    writer.take()
}

/// Whether a text was said.
#[derive(Default)]
struct Look {
    text: bool,
}

impl AnswerSink for Look {
    fn open(&mut self, _id: &str, _model: &str) {}
    fn part(&mut self, _choice: u32, part: Part<'_>) {
        self.text |= matches!(part, Part::Text(_));
    }
    fn usage(&mut self, _usage: Usage) {}
}
