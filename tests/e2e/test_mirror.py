"""Copies of requests: what their target gets, what is counted of its answer, and that no client notices it."""

import hashlib
import http.client
import json
import time

import pytest
import yaml

from fake.client import Client, ask, marker
from fake.gateway import ROOT, Upstream, connection_manager, http_options, plugin, render
from fake.provider import Provider

KEY = "gw-mirror-key"
ONE = {"provider": "one", "model": "own-model"}
COPY = {"provider": "two", "model": "two-model", "percent": 100}
# What the fakes count: 11 tokens of the prompt, 3 of them cached, and 7 of the answer.
INFO = {"two/two-model": {"input_usd_per_million": 1000, "cached_input_usd_per_million": 100, "output_usd_per_million": 2000}}
COST = 8 * 1000 + 3 * 100 + 7 * 2000


def upstream_log() -> list:
    """One line for each copy, as the README says how."""
    blocks = (ROOT / "README.md").read_text().split("```yaml\n")[1:]
    (text,) = (block.split("```")[0] for block in blocks if "upstream_log:" in block)
    (router,) = yaml.safe_load(text)
    return router["typed_config"]["upstream_log"]


def role(**more):
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    models = {
        "m": {"targets": [ONE], "mirror": COPY},
        "half": {"targets": [ONE], "mirror": COPY | {"percent": 50}},
        "short": {"targets": [ONE], "mirror": COPY, "answer_timeout": "2s"},
        "embed": {"targets": [ONE], "mirror": {"provider": "one", "model": "other", "percent": 100}},
        "nobody": {"targets": [ONE], "mirror": {"provider": "closed", "percent": 100}},
        "plain": {"targets": [ONE]},
    }
    providers = {
        "one": {"dialect": "openai"},
        "two": {"dialect": "anthropic"},
        "closed": {"dialect": "openai"},
    }
    keys = [
        {"id": "k", "sha256": digest, "overrides": True, "admin": True},
        {"id": "eu", "sha256": hashlib.sha256(b"gw-eu-key").hexdigest(), "require": {"region": "eu"}},
    ]
    return {"role": "gateway", "models": models, "providers": providers, "keys": keys, "model_info": INFO} | more


@pytest.fixture(scope="module")
def fakes():
    made = {"one": Provider("openai"), "two": Provider("anthropic")}
    yield made
    for fake in made.values():
        fake.stop()


@pytest.fixture(scope="module")
def gateway(start_for_all, fakes, closed_port):
    upstreams = {
        "one": Upstream(fakes["one"].port, "openai", "key-of-one"),
        "two": Upstream(fakes["two"].port, "anthropic", "key-of-two"),
        "closed": Upstream(closed_port.getsockname()[1], "openai"),
    }
    guards = [{"name": "pii", "detect": ["EMAIL_ADDRESS"], "action": "mask"}, {"name": "words", "words": ["sesame"], "action": "block"}]
    settings = role(guards=guards)
    settings["providers"]["one"]["labels"] = {"region": "eu"}
    config = render(settings, upstreams)
    manager = connection_manager(config)
    manager["http_filters"][-1]["typed_config"]["upstream_log"] = upstream_log()
    # A way around the gateway role, as somebody might leave one open.
    around = {"llm_gateway": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}}
    route = {"name": "door", "match": {"prefix": "/"}, "route": {"cluster": "two"}, "typed_per_filter_config": around}
    manager["route_config"]["virtual_hosts"].append({"name": "door", "domains": ["door"], "routes": [route]})
    return start_for_all(config)


@pytest.fixture(scope="module")
def client(gateway):
    client = Client(gateway.url, KEY)
    yield client
    client.close()


def seen_at(fake, text, patience=20):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if seen := fake.asked(text):
            return seen
        time.sleep(0.02)
    return []


def line_of(gateway, reply):
    """What `upstream_log` has written of the copy of a request."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for record in list(gateway.records):
            if record.get("copy_of") == reply.id:
                return record
        time.sleep(0.02)
    raise AssertionError(gateway.raw_records[-3:])


def counters(gateway, provider="two"):
    found = gateway.stats(f"llm.mirror.{provider}")
    return {name.split(f"llm.mirror.{provider}.")[1]: count for name, count in found.items()}


def grown(gateway, before, **expected):
    """Waits until the counters have grown by so much."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        now = counters(gateway)
        difference = {name: now[name] - before.get(name, 0) for name in now if now[name] != before.get(name, 0)}
        if difference == expected:
            return
        time.sleep(0.05)
    assert difference == expected


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_copy_comes_in_its_provider_s_language_with_its_provider_s_key(gateway, client, fakes, stream):
    text, before = marker(), counters(gateway)
    reply = client.chat(text, "m", stream=stream)
    assert (reply.status, reply.headers["x-llm-provider"], reply.cut) == (200, "one", False)
    (copy,) = seen_at(fakes["two"], text)
    assert copy.path == "/v1/messages"
    assert copy.json["model"] == "two-model"
    assert copy.json["messages"] == [{"role": "user", "content": text}] or copy.json["messages"][0]["content"][0]["text"] == text
    assert copy.headers["x-api-key"] == "key-of-two"
    (own,) = fakes["one"].asked(text)
    for seen in (copy, own):
        assert KEY not in seen.head.decode()
        assert not [name for name in seen.headers if name.startswith(("x-llm-", "x-envoy-", "x-forwarded"))]
    record = gateway.record(reply.id)
    assert (record["mirror"], record["provider"], record["attempt_count"], record["outcome"]) == ("two/two-model", "one", "1", "ok")
    grown(gateway, before, ok=1, input_tokens=11, output_tokens=7, cost_usd_micros=COST)
    line = line_of(gateway, reply)
    duration = line.pop("duration_ms")
    assert 0 <= duration < 5000
    assert line == {
        "mirror": "ok", "copy_of": reply.id, "provider": "two", "model": "two-model", "reason": None,
        "input_tokens": "11", "output_tokens": "7", "cost_usd_micros": str(COST),
    }


def test_the_copy_costs_the_client_s_record_nothing(gateway, client):
    copied, plain = (gateway.record(client.chat(marker(), model).id) for model in ("m", "plain"))
    keys = ("cost_usd_micros", "waste_usd_micros", "input_tokens", "output_tokens", "attempts")
    without_times = lambda record: [record[key] for key in keys[:-1]] + [len(json.loads(record["attempts"]))]
    assert without_times(copied) == without_times(plain)
    assert plain["mirror"] is None


@pytest.mark.parametrize("script", ["hang", "reset", "status 500", "garbage"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_whatever_the_copy_s_target_does_the_client_notices_nothing(gateway, client, fakes, script, stream):
    text = f"{marker()} [[anthropic {script}]]"
    before = counters(gateway)
    reply = client.chat(text, "short", stream=stream)
    assert (reply.status, reply.headers["x-llm-attempts"]) == (200, "1")
    assert seen_at(fakes["two"], text)
    grown(gateway, before, error=1)
    if script == "hang":
        assert gateway.record(reply.id)["duration_ms"] < 2000, "that is how long the copy was waited for"
    gateway.assert_survived()


def test_what_a_stream_that_is_cut_has_used_is_counted(gateway, client):
    before = counters(gateway)
    assert client.chat(f"{marker()} [[anthropic cut-midstream]]", "m", stream=True).status == 200
    end = time.monotonic() + 20
    while counters(gateway).get("error", 0) == before.get("error", 0) and time.monotonic() < end:
        time.sleep(0.05)
    grew = {name: count - before.get(name, 0) for name, count in counters(gateway).items()}
    assert (grew["error"], grew["ok"], grew["input_tokens"]) == (1, 0, 11)
    assert grew["cost_usd_micros"] >= 8 * 1000 + 3 * 100 + 2000  # and at least one token of the answer


def test_a_copy_that_hangs_is_given_up_after_the_model_s_answer_timeout(gateway, client, fakes):
    text = f"{marker()} [[anthropic hang]]"
    client.chat(text, "short")
    (copy,) = seen_at(fakes["two"], text)
    assert copy.closed.wait(20)
    assert 1 < copy.left_after < 6


def test_a_copy_is_read_to_its_end_although_the_client_has_long_been_answered(gateway, client, fakes):
    text, before = f"{marker()} [[openai status 400]] [[anthropic slow 0.3]]", counters(gateway)
    assert client.chat(text, "m", stream=True).status == 400
    assert counters(gateway) == before
    grown(gateway, before, ok=1, input_tokens=11, output_tokens=7, cost_usd_micros=COST)


def test_a_target_that_is_down_is_an_error_and_the_client_notices_nothing(gateway, client):
    reply = client.chat(marker(), "nobody")
    assert reply.status == 200
    end = time.monotonic() + 20
    while counters(gateway, "closed").get("error") is None and time.monotonic() < end:
        time.sleep(0.05)
    assert counters(gateway, "closed") == {"error": 1}


def test_guards_hold_for_the_copy(gateway, client, fakes):
    text = marker()
    client.chat(f"{text} mail ann@example.com", "m")
    (copy,) = seen_at(fakes["two"], text)
    assert b"ann@example.com" not in copy.body
    assert b"[EMAIL_1]" in copy.body
    text = marker()
    assert client.chat(f"{text} sesame", "m").status == 400
    assert seen_at(fakes["two"], text, patience=0.3) == []


def test_a_key_that_requires_labels_has_no_copy_made_elsewhere(gateway, fakes):
    client, text = Client(gateway.url, "gw-eu-key"), marker()
    reply = client.chat(text, "m")
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, "one")
    assert gateway.record(reply.id)["mirror"] is None
    assert seen_at(fakes["two"], text, patience=0.3) == []


def test_other_languages_and_operations_are_copied_as_well(gateway, client, fakes):
    text = marker()
    body = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": text}]}
    assert client.ask("/v1/messages", body).status == 200
    (copy,) = seen_at(fakes["two"], text)
    assert copy.json["max_tokens"] == 10
    text = marker()
    assert client.ask("/v1/embeddings", {"model": "embed", "input": text}).status == 200
    end = time.monotonic() + 20
    while len(fakes["one"].asked(text)) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert sorted(seen.json["model"] for seen in fakes["one"].asked(text)) == ["other", "own-model"]


def test_a_large_body_and_a_large_answer_are_copied_whole(gateway, client, fakes):
    text = marker()
    reply = client.chat(f"{text} {'word ' * 2_000_000}", "m")
    assert reply.status == 200
    (copy,) = seen_at(fakes["two"], text, patience=20)
    assert len(copy.body) > 10_000_000
    assert line_of(gateway, reply)["mirror"] == "ok"
    for stream in (False, True):
        reply = client.chat(f"{marker()} [[anthropic huge 6000000]]", "m", stream=stream)
        assert line_of(gateway, reply)["output_tokens"] == "7"


def test_about_the_configured_share_is_copied(gateway, client, fakes):
    replies = [client.chat(marker(), "half") for _ in range(200)]
    copied = sum(gateway.record(reply.id)["mirror"] is not None for reply in replies)
    assert 70 < copied < 130  # four standard deviations


def test_a_client_can_neither_have_a_copy_made_nor_speak_to_a_cluster_by_its_own_headers(gateway, client, fakes):
    text = marker()
    own = {"x-llm-mirror": "two", "x-llm-mirror-plan": "1.e30.AAAA", "x-llm-mirror-timeout": "1000"}
    assert client.chat(text, "plain", headers=own).status == 200
    assert seen_at(fakes["two"], text, patience=0.3) == []
    # Past the gateway role: a cluster takes no plan but one that this process has signed.
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    connection.request("POST", "/v1/chat/completions", json.dumps(ask(text)), own | {"host": "door", "content-type": "application/json"})
    answer = connection.getresponse()
    assert (answer.status, b"without a plan" in answer.read()) == (500, True)
    assert seen_at(fakes["two"], text, patience=0.3) == []
    assert sum(gateway.stats("llm.mirror_refused").values()) == 1


def test_without_the_same_machine_for_both_roles_nothing_is_sent(start, fakes):
    config = render(role(), {name: Upstream(fakes[name].port, dialect) for name, dialect in (("one", "openai"), ("two", "anthropic"))})
    for cluster in config["static_resources"]["clusters"]:
        if cluster["name"] == "two":
            plugin(http_options(cluster)["http_filters"])["vm_config"]["vm_id"] = "another"
    gateway, text = start(config), marker()
    assert Client(gateway.url, KEY).chat(text, "m").status == 200
    assert seen_at(fakes["two"], text, patience=0.3) == []


def test_explain_says_who_would_get_a_copy_and_has_none_made(client, fakes):
    text = marker()
    told = client.ask("/gateway/explain", ask(text, "half")).json["mirror"]
    cost = told.pop("estimated_cost_usd")
    assert told == {"provider": "two", "cluster": "two", "model": "two-model", "percent": 50.0}
    assert cost > 500 * 2000 / 1e6  # an answer of 500 tokens is assumed
    assert seen_at(fakes["two"], text, patience=0.3) == []
