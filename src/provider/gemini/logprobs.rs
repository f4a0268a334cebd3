//! Log probabilities, from Gemini's two lists to OpenAI's one.
//! Source: `LogprobsResult` of google-genai 3.6; OpenAI API reference, "The chat completion object",
//! `choices[].logprobs.content`; read 2026-11.

use crate::json::Str;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Result<'a> {
    #[serde(borrow, default)]
    chosen_candidates: Vec<Chosen<'a>>,
    #[serde(borrow, default)]
    top_candidates: Vec<Top<'a>>,
}

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow, default)]
    candidates: Vec<Chosen<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chosen<'a> {
    #[serde(borrow, default)]
    token: Str<'a>,
    #[serde(borrow, default)]
    log_probability: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Token<'a> {
    #[serde(flatten)]
    said: Said<'a>,
    top_logprobs: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    token: &'a str,
    logprob: &'a RawValue,
    bytes: &'a [u8],
}

/// The elements of `logprobs.content` as a JSON list; `None` when there are none.
pub(super) fn content(raw: &RawValue) -> Option<String> {
    let result: Result<'_> = serde_json::from_str(raw.get()).ok()?;
    let mut tops = result.top_candidates.iter();
    let tokens = result.chosen_candidates.iter().map(|chosen| {
        let top = tops.next().map_or(&[][..], |top| &top.candidates);
        Token {
            said: chosen.said(),
            top_logprobs: top.iter().map(Chosen::said).collect(),
        }
    });
    let tokens: Vec<_> = tokens.collect();
    if tokens.is_empty() {
        return None;
    }
    serde_json::to_string(&tokens).ok()
}

impl Chosen<'_> {
    fn said(&self) -> Said<'_> {
        // A probability of one is left out, as zeros are.
        const CERTAIN: &str = "0";
        let certain = || serde_json::from_str(CERTAIN).unwrap_or(RawValue::NULL);
        Said {
            token: &self.token,
            logprob: self.log_probability.unwrap_or_else(certain),
            bytes: self.token.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_become_one() {
        let raw = r#"{"topCandidates":[{"candidates":[{"token":"h\u00e9","tokenId":7,"logProbability":-0.10},{"token":"a"}]}],"chosenCandidates":[{"token":"h\u00e9","logProbability":-0.10},{"token":"b"}]}"#;
        let want = "[{\"token\":\"h\u{e9}\",\"logprob\":-0.10,\"bytes\":[104,195,169],\"top_logprobs\":[{\"token\":\"h\u{e9}\",\"logprob\":-0.10,\"bytes\":[104,195,169]},{\"token\":\"a\",\"logprob\":0,\"bytes\":[97]}]},{\"token\":\"b\",\"logprob\":0,\"bytes\":[98],\"top_logprobs\":[]}]";
        let raw: &RawValue = serde_json::from_str(raw).unwrap();
        assert_eq!(content(raw).as_deref(), Some(want));
        for nothing in ["{}", r#"{"chosenCandidates":[]}"#, "7"] {
            let raw: &RawValue = serde_json::from_str(nothing).unwrap();
            assert_eq!(content(raw), None, "{nothing}");
        }
    }
}
