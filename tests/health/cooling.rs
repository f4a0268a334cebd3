//! How long a target is left alone, who tries it again, and who is asked meanwhile.

use crate::{
    ANSWER, BAD, Envoy, GOOD, NOW, POST, TOO_LONG, clusters, provider,
    support::{request, response},
};
use envoy_llm_gateway::gateway::Request;
use serde_json::{Value, json};

#[test]
fn after_three_failures_the_others_come_first_until_a_probe_is_answered() {
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..3 {
        assert_eq!(envoy.plan("smart"), ["one", "two"]);
        envoy.ask("smart", &[BAD, GOOD]);
    }
    let (host, _) = envoy.begin("smart");
    assert_eq!(clusters(&host), ["two", "one"]);
    let cooling: Value = serde_json::from_str(&host.state_value("llm.cooling").unwrap()).unwrap();
    let until = NOW + 12 + 10_000;
    assert_eq!(
        cooling,
        json!([{"provider": "one", "cluster": "one", "model": "a", "reason": "failures", "until_ms": until}])
    );
    envoy.now = until - 1;
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    // One request probes it, the others stay away.
    envoy.now = until;
    let (probe, mut role) = envoy.begin("smart");
    assert_eq!(clusters(&probe), ["one", "two"]);
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    let mut attempt = provider();
    let body = br#"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#;
    probe.now_ms.set(until + 1);
    request(&mut attempt, &probe, POST, &[body]).unwrap();
    let passed = response(
        &mut attempt,
        &probe,
        &[(":status", "200")],
        &[ANSWER.as_bytes()],
    )
    .unwrap();
    let lines: Vec<_> = passed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    response(&mut role, &probe, &lines, &[ANSWER.as_bytes()]).unwrap();
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn a_probe_that_fails_lengthens_the_pause() {
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..3 {
        envoy.ask("smart", &[BAD, GOOD]);
    }
    envoy.now += 10_000;
    envoy.ask("smart", &[BAD, GOOD]);
    envoy.now += 19_000;
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    envoy.now += 1_000;
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn a_told_pause_counts_from_the_first_time_on() {
    let mut envoy = Envoy::new(&json!({}));
    envoy.ask("smart", &[Some((429, &[("retry-after", "7")], "{}")), GOOD]);
    let answered = envoy.now;
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    envoy.now = answered + 6_999;
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    envoy.now = answered + 7_000;
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn when_everything_cools_down_the_least_bad_is_asked_and_all_are() {
    let mut envoy = Envoy::new(&json!({}));
    envoy.ask(
        "smart",
        &[
            Some((429, &[("retry-after", "30")], "{}")),
            Some((429, &[("retry-after", "5")], "{}")),
        ],
    );
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    // Whoever answers is well again.
    envoy.ask("smart", &[BAD, GOOD]);
    assert_eq!(envoy.plan("smart"), ["one", "two"]);
}

#[test]
fn without_a_host_a_cluster_cools_down_at_once() {
    let envoy = Envoy::new(&json!({}));
    let (host, mut role) = envoy.begin("smart");
    let details = "response.code_details".to_owned();
    host.properties
        .borrow_mut()
        .insert(details, b"no_healthy_upstream".to_vec());
    let got = response(
        &mut role,
        &host,
        &[(":status", "503")],
        &[b"no healthy upstream"],
    )
    .unwrap();
    assert_eq!(got.header(":status"), Some("503"));
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
}

#[test]
fn a_writing_that_comes_too_late_is_tried_again() {
    let mut envoy = Envoy::new(&json!({"health": {"failures": 1}}));
    let (host, mut role) = envoy.begin("smart");
    let body = br#"{"model":"smart","messages":[{"role":"user","content":"hi"}]}"#;
    let mut attempt = provider();
    request(&mut attempt, &host, POST, &[body]).unwrap();
    let failed = response(&mut attempt, &host, &[(":status", "500")], &[b"{}"]).unwrap();
    host.too_late.set(3);
    let lines: Vec<_> = failed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    response(&mut role, &host, &lines, &[b"{}"]).unwrap();
    assert_eq!(envoy.plan("smart"), ["two", "one"]);
    // Nor does who lost the right to probe go there.
    envoy.now += 20_000;
    let late = envoy.host();
    late.too_late.set(100);
    let mut role = Request::new(envoy.config.clone());
    request(&mut role, &late, POST, &[body]).unwrap();
    assert_eq!(clusters(&late), ["two", "one"]);
}

#[test]
fn in_quiet_times_nothing_is_written() {
    let mut envoy = Envoy::new(&json!({}));
    for _ in 0..5 {
        envoy.ask("smart", &[GOOD]);
        envoy.ask("smart", &[Some((400, &[], TOO_LONG))]);
    }
    assert!(envoy.shared.borrow().is_empty());
    let mut envoy = Envoy::new(&json!({"health": {"enabled": false}}));
    for _ in 0..5 {
        envoy.ask("smart", &[BAD, GOOD]);
    }
    assert!(envoy.shared.borrow().is_empty());
}

#[test]
fn several_clusters_of_a_provider_share_the_requests_and_cool_down_apart() {
    let keys = json!({"providers": {
        "one": {"dialect": "openai", "clusters": ["k1", "k2", "k3"]},
        "two": {"dialect": "openai"},
    }});
    let mut envoy = Envoy::new(&keys);
    let mut first = std::collections::BTreeMap::new();
    for _ in 0..3000 {
        envoy.now += 1;
        let plan = envoy.plan("smart");
        assert_eq!((plan.len(), plan[3].as_str()), (4, "two"));
        *first.entry(plan[0].clone()).or_insert(0) += 1;
    }
    assert_eq!(first.len(), 3);
    assert!(
        first.values().all(|count| (800..1200).contains(count)),
        "{first:?}"
    );
    // Find a request that begins with k2, and let it be told to wait.
    while envoy.plan("smart")[0] != "k2" {
        envoy.now += 1;
    }
    envoy.ask(
        "smart",
        &[Some((429, &[("retry-after", "60")], "{}")), GOOD],
    );
    for _ in 0..100 {
        envoy.now += 1;
        let plan = envoy.plan("smart");
        assert_eq!(plan[3], "k2");
        assert_eq!(plan[2], "two");
    }
}
