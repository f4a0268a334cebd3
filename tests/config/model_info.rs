//! `model_info`: prices and limits.

use envoy_llm_gateway::config::Config;
use serde_json::{Value, json};

#[test]
fn what_is_wrong_with_model_info_is_named() {
    let problems = |info: Value| -> Vec<String> {
        let settings = json!({
            "role": "gateway",
            "models": {"m": {"targets": [{"provider": "openai"}]}},
            "providers": {"openai": {}},
            "model_info": info,
        });
        match Config::parse(settings.to_string().as_bytes()) {
            Ok(_) => vec![],
            Err(list) => list.iter().map(ToString::to_string).collect(),
        }
    };
    let info = json!({
        "Twin": {"free": true},
        "a": {},
        "b": {"free": true, "input_usd_per_million": 1},
        "c": {"input_usd_per_million": "0.0000001"},
        "d": {"input_usd_per_million": -1},
        "e": {"output_usd_per_million": 1},
        "f": {"like": "nobody/nothing"},
        "g": {"input_usd_per_million": 1, "above": [{"tokens": 2}, {"tokens": 2}]},
        "h": {"prices": 1},
        "i*j": {"free": true},
        "k": {"context_window": 0},
        "l": {"input_usd_per_million": true},
        "twin": {"free": true},
    });
    let allowed = "above, batch, cache_write_1h_usd_per_million, cache_write_usd_per_million, cached_audio_usd_per_million, cached_input_usd_per_million, context_window, flex, free, input_audio_usd_per_million, input_image_usd_per_million, input_usd_per_million, like, max_input_tokens, max_output_tokens, output_audio_usd_per_million, output_image_usd_per_million, output_usd_per_million, priority, reasoning_usd_per_million, search_usd_per_thousand";
    assert_eq!(
        problems(info),
        [
            "$.model_info.a: says nothing; allowed: `like`, `free`, a price or a limit".to_owned(),
            "$.model_info.b: `free` and a price exclude each other".into(),
            "$.model_info.c.input_usd_per_million: expected at most 6 decimal places, found 0.0000001".into(),
            "$.model_info.d.input_usd_per_million: expected an amount in US dollars, such as 2.5, not negative; found -1".into(),
            "$.model_info.e: a price needs `input_usd_per_million` or `search_usd_per_thousand`, or `like` to take it from".into(),
            "$.model_info.f.like: no model of this name is listed; write `provider/model` with one of the list (data/models.json), or its prices".into(),
            "$.model_info.g.above: the steps' `tokens` must rise".into(),
            "$.model_info.h: says nothing; allowed: `like`, `free`, a price or a limit".into(),
            format!("$.model_info.h.prices: unknown key; allowed: {allowed}"),
            "$.model_info.k.context_window: expected 1 to 1000000000, found 0".into(),
            "$.model_info.l.input_usd_per_million: expected a number, found true or false".into(),
            "$.model_info.twin: the same as \"Twin\": case does not matter".into(),
            "$.model_info[\"i*j\"]: `*` may stand at the end only".into(),
        ]
    );
    assert_eq!(
        problems(
            json!({"azure/prod": {"like": "gpt-4o"}, "local/*": {"free": true}, "x": {"max_output_tokens": 5}})
        ),
        [""; 0]
    );
}
