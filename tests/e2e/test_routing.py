"""Where requests go: shares, prices, rules, labels and what clients may say themselves, on the real Envoy."""

import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.client import Client, marker
from fake.gateway import Upstream, render
from fake.provider import Provider

KEYS = {"lawyer": "gw-routing-lawyer", "free": "gw-routing-free"}
NAMES = ("eu", "us", "claude")


def target(provider: str, model: str | None = None, **more) -> dict:
    """A script in a request's text names the model that it is for."""
    return {"provider": provider, "model": model or f"m-{provider}"} | more


ROLE = {
    "role": "gateway",
    "models": {
        "shared": {"route": "weighted", "targets": [target("eu", weight=80), target("us", weight=20), target("claude", weight=0)]},
        "sticky": {"route": "weighted", "sticky": "header:x-session", "targets": [target("eu", weight=1), target("us", weight=1)]},
        "nested": {"targets": [target("claude"), {"route_to": "cheap"}]},
        "cheap": {"route": "cheapest", "targets": [target("us", "dear"), target("eu", "fair"), target("claude", "unpriced")]},
        "ordered": {"targets": [target("us"), target("claude"), target("eu")]},
        "us-only": {"targets": [target("us")]},
        "small": {"targets": [target("us", "little")]},
    },
    "model_info": {
        "dear": {"input_usd_per_million": 10, "output_usd_per_million": 10},
        "fair": {"input_usd_per_million": 1, "output_usd_per_million": 1},
    },
    "providers": {
        "eu": {"dialect": "openai", "labels": {"region": "eu", "hipaa": True}},
        "us": {"dialect": "openai", "labels": {"region": "us"}},
        "claude": {"dialect": "anthropic", "labels": {"region": "eu"}},
    },
    "rules": [
        {"name": "legal", "when": {"team": "legal"}, "require": {"region": "eu"}},
        {"name": "easy", "when": {"model": "ordered", "headers": {"x-auto": "*"}, "complexity": {"below": 30}}, "use": "small"},
        {"name": "german", "when": {"headers": {"x-by-language": "*"}, "language": ["de", "fr"]}, "use": "small"},
        {"name": "tools", "when": {"model": "small", "has_tools": True}, "use": "ordered", "require": {"hipaa": True}},
        {"name": "long", "when": {"model": "small", "input_tokens": {"above": 500}}, "use": "cheap"},
    ],
    "keys": [
        {"id": "lawyer", "sha256": hashlib.sha256(KEYS["lawyer"].encode()).hexdigest(), "team": "legal", "user": "ann", "project": "cases"},
        {"id": "free", "sha256": hashlib.sha256(KEYS["free"].encode()).hexdigest(), "overrides": True},
    ],
    "passthrough": {"provider": "us"},
    "first_token_timeout": "30s",
    # What one test lets fail does not cool down for the next.
    "health": {"enabled": False},
}


@pytest.fixture(scope="module")
def fakes():
    fakes = {name: Provider("anthropic" if name == "claude" else "openai") for name in NAMES}
    yield fakes
    for fake in fakes.values():
        fake.stop()


@pytest.fixture(scope="module")
def gateway(start_for_all, fakes):
    """A gateway of its own, with the rules above."""
    return start_for_all(render(ROLE, {name: Upstream(fake.port, ROLE["providers"][name]["dialect"], f"key-of-{name}") for name, fake in fakes.items()}))


@pytest.fixture(scope="module")
def free(gateway):
    return Client(gateway.url, KEYS["free"])


@pytest.fixture(scope="module")
def lawyer(gateway):
    return Client(gateway.url, KEYS["lawyer"])


def told(gateway, reply, *names) -> tuple:
    record = gateway.record(reply.id)
    return tuple(record[name] for name in names)


def tried(gateway, reply) -> list[str]:
    return [attempt["provider"] for attempt in json.loads(gateway.record(reply.id)["attempts"])]


def test_weights_are_shares_of_parallel_requests(gateway, free):
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: free.chat(model="shared"), range(400)))
    assert {reply.status for reply in replies} == {200}
    shares = Counter(reply.headers["x-llm-provider"] for reply in replies)
    assert 280 <= shares["eu"] <= 360 and shares["eu"] + shares["us"] == 400, shares
    assert replies[0].headers["x-llm-route"] == "shared:weighted"
    assert told(gateway, replies[0], "route", "rule", "score") == ("shared:weighted", None, None)


def test_who_was_not_drawn_answers_when_the_drawn_one_fails(gateway, free):
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda _: free.chat("[[m-eu status 503]]", "shared"), range(40)))
    assert {reply.status for reply in replies} == {200}
    ways = {tuple(tried(gateway, reply)) for reply in replies}
    assert ways == {("eu", "us"), ("us",)}


def test_a_failed_share_falls_to_the_others_by_weight(gateway, free):
    reply = free.chat("[[m-eu status 503]][[m-us status 503]]", "shared")
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "claude")
    assert tried(gateway, reply) in (["eu", "us", "claude"], ["us", "eu", "claude"])


def test_sticky_requests_stay_with_one_target(free):
    def first(session: int) -> set[str]:
        return {free.chat(model="sticky", headers={"x-session": f"s{session}"}).headers["x-llm-provider"] for _ in range(4)}

    with ThreadPoolExecutor(10) as pool:
        seen = list(pool.map(first, range(20)))
    assert all(len(providers) == 1 for providers in seen)
    assert set.union(*seen) == {"eu", "us"}


def test_the_cheapest_is_first_and_a_model_in_a_model_keeps_its_order(gateway, free):
    reply = free.chat(model="cheap")
    assert (reply.headers["x-llm-provider"], reply.headers["x-llm-route"]) == ("eu", "cheap:cheapest")
    reply = free.chat("[[m-claude status 500]]", "nested")
    assert (reply.status, tried(gateway, reply)) == (200, ["claude", "eu"])
    assert "x-llm-route" not in reply.headers


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_labels_hold_for_every_attempt(gateway, lawyer, fakes, stream):
    text = marker()
    reply = lawyer.chat(f"{text}[[m-claude status 503]]", "ordered", stream=stream)
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "eu")
    assert tried(gateway, reply) == ["claude", "eu"]
    assert fakes["us"].asked(text) == []
    assert told(gateway, reply, "rule", "team", "user", "project") == ("legal", "legal", "ann", "cases")
    assert reply.headers["x-llm-route"] == "ordered:fallback;rule=legal"


def test_when_everything_that_complies_fails_nothing_else_is_tried(gateway, lawyer, fakes):
    text = marker()
    reply = lawyer.chat(f"{text}[[m-claude status 503]][[m-eu status 503]]", "ordered")
    assert reply.status == 503
    assert (tried(gateway, reply), fakes["us"].asked(text)) == (["claude", "eu"], [])


def test_without_a_target_that_complies_nothing_is_sent(gateway, lawyer, fakes):
    text = marker()
    reply = lawyer.chat(text, "us-only")
    assert (reply.status, reply.error["code"], reply.error["type"]) == (403, "no_compliant_target", "permission_error")
    assert "region=eu" in reply.error["message"]
    assert [fake.asked(text) for fake in fakes.values()] == [[], [], []]
    assert told(gateway, reply, "outcome", "reason", "attempts") == ("refused", "no_compliant_target", None)
    # Nor on a path whose bodies pass.
    reply = lawyer.send("GET", "/v1/files")
    assert (reply.status, reply.error["code"]) == (403, "no_compliant_target")


def test_rules_look_at_the_request(gateway, free):
    easy, auto = free.chat("hi", "ordered", headers={"x-auto": "1"}), {"x-auto": "1"}
    assert (easy.headers["x-llm-model"], *told(gateway, easy, "model", "rule")) == ("little-2026-01-01", "ordered", "easy")
    assert int(told(gateway, easy, "score")[0]) < 30
    hard = free.chat("Prove that x^2 ≥ 0, and explain why each step is needed.", "ordered", headers=auto)
    assert (hard.headers["x-llm-provider"], *told(gateway, hard, "rule")) == ("us", None)
    assert int(told(gateway, hard, "score")[0]) >= 30
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    reply = free.chat("hi", "small", tools=tools)
    assert (reply.status, tried(gateway, reply), *told(gateway, reply, "rule")) == (200, ["eu"], "tools")
    reply = free.chat("word " * 600, "small")
    assert (reply.headers["x-llm-model"], *told(gateway, reply, "rule")) == ("fair-2026-01-01", "long")


@pytest.mark.parametrize(
    "path,body",
    [
        ("/v1/chat/completions", lambda text: {"messages": [{"role": "system", "content": "You help people."}, {"role": "user", "content": text}]}),
        ("/v1/messages", lambda text: {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}),
        ("/v1/responses", lambda text: {"input": text}),
        ("/v1/embeddings", lambda text: {"input": [text]}),
    ],
)
def test_rules_know_the_language_of_the_last_question(gateway, free, path, body):
    def asked(text, headers):
        reply = free.ask(path, {"model": "ordered"} | body(text), headers=headers)
        assert reply.status == 200
        return told(gateway, reply, "rule", "language")

    by_language = {"x-by-language": "1"}
    german, english = "Wie kündige ich mein Abonnement bei Ihnen?", "How do I cancel my subscription with you, please?"
    assert asked(german, by_language) == ("german", "de")
    assert asked(english, by_language) == (None, "en")
    assert asked("ok", by_language) == (None, None)
    assert asked(german, {}) == (None, None), "nothing has asked for it"


def test_a_client_with_leave_says_where(gateway, free, lawyer, fakes):
    reply = free.chat(model="ordered", headers={"x-llm-provider": "eu"})
    assert (reply.headers["x-llm-provider"], tried(gateway, reply)) == ("eu", ["eu"])
    reply = free.chat(model="cheap", headers={"x-llm-route": "fallback"})
    assert reply.headers["x-llm-provider"] == "us"
    ordinary = lawyer.chat(model="ordered")
    reply = lawyer.chat(model="ordered", headers={"x-llm-provider": "us", "x-llm-route": "nonsense"})
    assert (reply.status, tried(gateway, reply)) == (ordinary.status, tried(gateway, ordinary))
    text = marker()
    reply = free.ask("/v1/chat/completions", {"models": ["us-only", "cheap"], "messages": [{"role": "user", "content": f"{text}[[m-us status 500]]"}]})
    assert (reply.status, tried(gateway, reply)) == (200, ["us", "eu"])
    assert told(gateway, reply, "model", "route") == ("us-only", "us-only:fallback,cheap:cheapest")
    assert [sorted(seen.json) for seen in fakes["eu"].asked(text)] == [["messages", "model"]]
