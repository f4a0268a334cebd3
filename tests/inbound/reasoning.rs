//! What a provider wants back of its reasoning comes back through the client.

use crate::{ALL, messages::talk, responses::responds};
use envoy_llm_gateway::api::{
    answer::{AnswerSink, Finish, Part},
    messages,
    responses::{self, Echo},
};
use serde_json::{Value, json};

#[test]
fn what_a_provider_wants_back_survives_both_apis() {
    let foreign = r#"{"provider":"gemini","thoughtSignature":"a/b"}"#;
    let parts = [
        Part::Thought("hm"),
        Part::ThoughtDetail(foreign),
        Part::Text("a"),
        Part::Finish(Finish::Stop),
    ];
    let mut whole = messages::AnswerWriter::default();
    drive(&mut whole, &parts);
    let answer: Value = serde_json::from_slice(&whole.body()).unwrap();
    let turns = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": answer["content"]}]);
    let want = json!({"role": "assistant", "content": "a", "reasoning_content": "hm", "reasoning_details": [serde_json::from_str::<Value>(foreign).unwrap()]});
    assert_eq!(talk(json!(null), turns, ALL).0[1], want);
    let mut whole = responses::Writer::whole(7, Echo::default());
    drive(&mut whole, &parts);
    let answer: Value = serde_json::from_slice(&whole.body()).unwrap();
    assert_eq!(
        responds(json!({"input": answer["output"]}), ALL).unwrap().0[0],
        want
    );
}

fn drive(out: &mut dyn AnswerSink, parts: &[Part<'_>]) {
    out.open("id1", "served");
    for part in parts {
        out.part(0, *part);
    }
}
