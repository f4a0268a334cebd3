//! Every fixture of every dialect, through the whole provider role: whole, and cut at every byte.
//! `PIN=1 cargo test --test translate` writes the files 2, 4 and 5 of cases that lack them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod support;

use envoy_llm_gateway::{api::client::Api, provider::REGISTRY};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{
    fixtures::{self, Case, Outcome},
    gather::{events, gather_chat, gather_message, gather_response, said},
};

#[test]
fn every_case_gives_exactly_what_its_folder_says() {
    let cases = fixtures::all();
    assert!(!cases.is_empty(), "there are no fixtures");
    let mut wrong = Vec::new();
    for case in &cases {
        let got = case.run(&[]);
        if std::env::var_os("PIN").is_some() {
            pin(case, &got);
        } else if got != case.expected() {
            wrong.push(format!(
                "{}\n   got {got:#?}\n  want {:#?}",
                case.name,
                case.expected()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_case_gives_the_same_however_its_answer_is_cut() {
    // Thousands of runs: every processor takes its share.
    let cases = fixtures::all();
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    gives_the_same_however_cut(case);
                }
            });
        }
    });
}

fn gives_the_same_however_cut(case: &Case) {
    let want = case.expected();
    for cut in case.every_cut() {
        assert_eq!(case.run(&[cut]), want, "{} cut at byte {cut}", case.name);
    }
    assert_eq!(
        case.run(&case.all_cuts()),
        want,
        "{} byte by byte",
        case.name
    );
}

/// Trailers come when the last chunk has gone: nothing of a complete answer may be left to write then.
/// One that broke off cannot be told of any more.
#[test]
fn every_complete_answer_is_the_same_when_it_ends_in_trailers() {
    for case in &fixtures::all() {
        let want = case.expected();
        let broke_off =
            want.answer.contains(r#"{"error":"#) || want.answer.contains("event: error");
        // Nor can an event be read that the end of the stream itself would have ended.
        if case.ends_within_an_event() {
            continue;
        }
        if broke_off && !want.failed && want.client_status == 200 {
            continue;
        }
        let one = case.every_cut().last().into_iter().collect();
        for cuts in [vec![], one, case.every_cut().step_by(7).collect()] {
            let got = case.run_with_trailers(&cuts);
            assert_eq!(got, want, "{} {cuts:?}", case.name);
        }
    }
}

#[test]
fn a_gathered_stream_is_the_whole_answer() {
    let cases = fixtures::all();
    let pairs: Vec<_> = cases
        .iter()
        .filter_map(|stream| {
            let name = stream.gathers_to.as_ref()?;
            let whole = cases.iter().find(|case| case.name == *name);
            Some((
                stream,
                whole.unwrap_or_else(|| panic!("there is no {name}")),
            ))
        })
        .collect();
    assert!(pairs.len() >= 3, "the law is held against too few streams");
    for (stream, whole) in pairs {
        let (stream_got, whole_got) = (stream.run(&[]), whole.run(&[]));
        let mut want: Value = serde_json::from_str(&whole_got.answer).unwrap();
        let gathered = match stream.api {
            Api::Messages => gather_message(&events(stream_got.answer.as_bytes())),
            Api::Responses => {
                let (output, gathered) = gather_response(&events(stream_got.answer.as_bytes()));
                assert_eq!(output, gathered["output"], "{}", stream.name);
                // A client asks for a stream or not, which a response does not repeat.
                gathered
            }
            _ => gather_chat(&stream_got.answer),
        };
        if gathered["usage"].is_null() {
            // The client did not ask for it; the record below has it all the same.
            want.as_object_mut().unwrap().remove("usage");
        }
        // Where bytes pass, a provider may write `null` here and nothing there.
        assert_eq!(said(gathered), said(want), "{}", stream.name);
        assert_eq!(stream_got.record, whole_got.record, "{}", stream.name);
    }
}

#[test]
fn every_dialect_has_a_folder_and_every_folder_a_dialect() {
    let registry = REGISTRY.iter().map(|entry| entry.name.to_owned());
    assert_eq!(fixtures::dialects(), registry.collect());
}

/// Writes what came out beside the case, for a person to check and commit.
fn pin(case: &Case, got: &Outcome) {
    let folder = std::path::Path::new("tests/fixtures").join(&case.name);
    let write = |name: &str, text: String| {
        if !folder.join(name).exists() {
            std::fs::write(folder.join(name), text).unwrap();
        }
    };
    let pretty = |value: &Value| format!("{value:#}\n");
    if !got.upstream_request.is_null() {
        write("2-upstream.json", pretty(&got.upstream_request));
        write("5-record.json", pretty(&got.record));
    }
    match serde_json::from_str::<Value>(&got.answer) {
        Ok(value) => write("4-client.json", pretty(&value)),
        Err(_) => write("4-client.sse", got.answer.clone()),
    }
}
