"""Who may ask for what, and where keys can be seen: only where they belong."""

import hashlib
import json

import pytest

from fake.client import Client, marker
from fake.gateway import render
from fake.provider import Provider
from fake.world import role, upstreams

# Distinctive enough that finding one of them anywhere is a leak.
CLIENT = "gw-CANARY-client-7d1f"
OTHER = "gw-CANARY-other-90aa"
OPENAI_KEY = "sk-CANARY-openai-31c8"
ANTHROPIC_KEY = "sk-ant-CANARY-anthropic-5be2"


def key(identity: str, secret: str, **more) -> dict:
    return {"id": identity, "sha256": hashlib.sha256(secret.encode()).hexdigest()} | more


@pytest.fixture(scope="module")
def fakes():
    fakes = {name: Provider(name) for name in ("openai", "anthropic")}
    yield fakes
    for fake in fakes.values():
        fake.stop()


@pytest.fixture(scope="module")
def keyed(start_for_all, fakes, closed_port):
    """A gateway of its own, whose keys nobody else uses."""
    keys = [key("support-app", CLIENT, team="support"), key("narrow", OTHER, models=["openai-anthropic", "gpt-*"])]
    behind = upstreams(fakes["openai"], fakes["anthropic"], closed_port, (OPENAI_KEY, ANTHROPIC_KEY))
    return start_for_all(render(role(keys=keys), behind))


@pytest.fixture(scope="module")
def nobody(keyed):
    return Client(keyed.url)


@pytest.fixture(scope="module")
def support(keyed):
    return Client(keyed.url, CLIENT)


@pytest.fixture(scope="module")
def narrow(keyed):
    return Client(keyed.url, OTHER)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer unknown"},
        {"authorization": f"Bearer {CLIENT}x"},
        {"authorization": f"Basic {CLIENT}"},
        {"authorization": "Bearer"},
        {"authorization": CLIENT},
        {"x-api-key": "unknown"},
        {"x-api-key": ""},
        {"authorization": "Bearer unknown", "x-api-key": CLIENT},
        {"api-key": CLIENT},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/v1/models/echo")]
)
def test_without_a_known_key_it_is_a_401(nobody, method, path, headers):
    body = {"json": {"model": "echo", "messages": [{"role": "user", "content": "x"}]}} if method == "POST" else {}
    reply = nobody.send(method, path, headers=headers, **body)
    assert (reply.status, reply.error["type"], reply.error["code"]) == (401, "authentication_error", "invalid_api_key")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {CLIENT}"},
        {"authorization": f"bearer {CLIENT}"},
        {"x-api-key": CLIENT},
        {"authorization": f"Bearer {CLIENT}", "x-api-key": "unknown"},
    ],
    ids=["bearer", "lower-case", "x-api-key", "authorization-wins"],
)
def test_a_known_key_works_in_every_place_that_sdks_use(keyed, nobody, headers):
    reply = nobody.chat(model="echo", headers=headers)
    record = keyed.record(reply.id)
    assert (reply.status, record["key_id"], record["team"]) == (200, "support-app", "support")


def test_a_model_that_the_key_may_not_use_is_a_403(keyed, narrow, fakes):
    text = marker()
    reply = narrow.chat(text, "anthropic-openai")
    assert (reply.status, reply.error["code"], reply.error["param"]) == (403, "model_not_allowed", "model")
    record = keyed.record(reply.id)
    told = {name: record[name] for name in ("status", "key_id", "team", "model", "outcome", "reason", "attempts")}
    assert told == {
        "status": 403, "key_id": "narrow", "team": None, "model": "anthropic-openai", "outcome": "refused",
        "reason": "model_not_allowed", "attempts": None,
    }  # fmt: skip
    assert [fake.asked(text) for fake in fakes.values()] == [[], []]


def test_a_key_sees_the_models_that_it_may_use(narrow, support):
    assert sorted(model["id"] for model in narrow.get("/v1/models").json["data"]) == ["gpt-*", "openai-anthropic"]
    assert len(support.get("/v1/models").json["data"]) == 14
    assert narrow.get("/v1/models/gpt-5").status == 200
    assert narrow.get("/v1/models/twice").status in (403, 404)


def test_health_needs_no_key(nobody):
    assert nobody.get("/healthz").status == 200


def test_the_headers_of_a_provider_are_exactly_these(keyed, support, fakes):
    text = marker()
    everything = {
        "accept": "text/plain", "accept-language": "de", "cookie": "session=1", "user-agent": "me/1.0",
        "x-forwarded-for": "10.0.0.1", "x-request-id": "mine", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01",
        "x-api-key": CLIENT, "api-key": CLIENT, "x-goog-api-key": CLIENT, "openai-organization": "org",
        "openai-beta": "x", "anthropic-version": "1999-01-01", "x-stainless-lang": "python", "x-custom": "1",
        "x-amz-date": "1", "proxy-authorization": CLIENT, "referer": "http://x", "origin": "http://x",
    }  # fmt: skip
    for stream, accept in ((False, "application/json"), (True, "text/event-stream")):
        script = f"{text}-{stream}"
        reply = support.chat(f"{script}[[anthropic status 503]]", "anthropic-openai", headers=everything, stream=stream)
        assert reply.status == 200
        (first,), (second,) = fakes["anthropic"].asked(script), fakes["openai"].asked(script)
        headers = first.headers
        assert int(headers.pop("content-length")) == len(first.body)
        assert headers == {
            "host": f"127.0.0.1:{keyed.port}",  # the client's: no `host` is set
            "content-type": "application/json",
            "accept": accept,
            "accept-encoding": "identity",
            "anthropic-version": "2023-06-01",
            "x-api-key": ANTHROPIC_KEY,
        }
        headers = second.headers
        assert int(headers.pop("content-length")) == len(second.body)
        assert headers == {
            "host": f"127.0.0.1:{keyed.port}",
            "content-type": "application/json",
            "accept": accept,
            "accept-encoding": "identity",
            "authorization": f"Bearer {OPENAI_KEY}",
        }


PLAN_TO_NOWHERE = "Mg=="


@pytest.mark.parametrize(
    "headers",
    [
        {"x-llm-plan": PLAN_TO_NOWHERE},
        {"x-llm-plan": "not base64"},
        {"x-llm-failed": "1"},
        {"x-llm-provider": "evil", "x-llm-route": "evil", "x-llm-model": "evil", "x-llm-attempts": "99"},
        {"x-envoy-max-retries": "0"},
        {"x-envoy-retry-on": "nothing"},
        {"x-envoy-upstream-rq-per-try-timeout-ms": "1"},
        {"x-envoy-upstream-rq-timeout-ms": "1"},
        {"x-envoy-expected-rq-timeout-ms": "1"},
        {"x-envoy-attempt-count": "7"},
        {"x-envoy-original-path": "/x"},
        {"x-envoy-hedge-on-per-try-timeout": "true"},
        {"x-envoy-upstream-alt-stat-name": "evil"},
        {"x-envoy-retriable-status-codes": "200"},
        {"x-envoy-decorator-operation": "evil"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_client_cannot_steer_envoy(support, fakes, headers):
    text = marker()
    reply = support.chat(f"{text}[[openai status 503]] [[anthropic slow 0.05]]", headers=headers)
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == (200, "anthropic", "2")
    for fake in fakes.values():
        (seen,) = fake.asked(text)
        assert not [name for name in seen.headers if name.startswith(("x-llm-", "x-envoy-"))]


def test_an_answer_s_foreign_headers_stay_behind(support):
    reply = support.chat()
    assert not {"set-cookie", "x-envoy-upstream-service-time", "x-llm-failed", "x-llm-plan"} & reply.headers.keys()


def test_no_key_is_seen_by_anybody_but_its_owner(keyed, support, narrow, nobody, fakes):
    text, seen_by_clients = marker(), []
    scripts = ["", "[[openai status 401]]", "[[openai status 400]]", "[[openai reset]]", "[[anthropic status 503]]",
               "[[openai status 500 html]] [[anthropic status 401]]", "[[openai error-event-first]]",
               "[[anthropic error-event-later]]", "[[openai cut-midstream]]", "[[openai gzip-anyway]]"]  # fmt: skip
    for model in ("openai-anthropic", "anthropic-openai", "refused-openai-anthropic", "echo", "twice", "nobody"):
        for script in scripts if "-" in model else scripts[:1]:
            for stream in (False, True):
                seen_by_clients.append(support.chat(text + script, model, stream=stream))
    seen_by_clients += [
        narrow.chat(text, "twice"),
        nobody.chat(text, headers={"authorization": f"Bearer  {CLIENT}x"}),
        nobody.chat(text, headers={"authorization": f"Basic {CLIENT}"}),
        support.post(b'{"model":'),
        support.get(f"/v1/{CLIENT[:2]}"),
        support.get("/v1/models"),
    ]
    for reply in seen_by_clients:
        keyed.record(reply.id)
    assert len(fakes["openai"].asked(text)) > 20 and len(fakes["anthropic"].asked(text)) > 20
    places = {
        "openai": b"".join(seen.head + seen.body for seen in fakes["openai"].seen),
        "anthropic": b"".join(seen.head + seen.body for seen in fakes["anthropic"].seen),
        "clients": b"".join(repr(reply.headers).encode() + reply.body for reply in seen_by_clients),
        "access log": "".join(keyed.raw_records).encode(),
        "log": keyed.log.encode(),
        "statistics": json.dumps(keyed.stats("")).encode(),
    }
    keys = {"client": CLIENT, "other": OTHER, "openai": OPENAI_KEY, "anthropic": ANTHROPIC_KEY}
    found = {(place, name) for place, data in places.items() for name, value in keys.items() if value.encode() in data}
    assert found == {("openai", "openai"), ("anthropic", "anthropic")}
    assert all(places[place] for place in places)
    keyed.assert_survived()
