"""One line per request, and every field of it."""

import copy
import json
import re
import socket

import h2.config
import h2.connection
import h2.events
import pytest

from fake import world
from fake.client import Client, marker
from fake.gateway import PATIENCE, ROOT, connection_manager, http_options, once, plugin, render
from fake.provider import Provider

SCHEMA = json.loads((ROOT / "envoy" / "config.schema.json").read_text())
FACTS = SCHEMA["$defs"]["gateway"]["properties"]["filter_state"]["items"]["enum"]


def told(gateway, reply) -> dict:
    """The record without what differs from run to run, which is checked on the way."""
    record = dict.fromkeys(FACTS) | dict(gateway.record(reply.id))
    assert record.pop("request_id") == reply.id
    assert record.pop("time").endswith("Z")
    assert record.pop("client") == "127.0.0.1"
    assert 0 <= record.pop("duration_ms") < 30_000
    assert record.pop("bytes_sent") == len(reply.body)
    assert record.pop("bytes_received") >= 0
    if record["ttft_ms"] is not None:
        assert 0 <= int(record.pop("ttft_ms")) < 30_000
    if record["tokens_estimate"] is not None:
        assert 0 < int(record.pop("tokens_estimate")) < 100
    for attempt in json.loads(record["attempts"] or "[]"):
        assert attempt["ms"] < 30_000 and attempt["at_ms"] > 1_700_000_000_000
    attempts = json.loads(record.pop("attempts") or "null")
    record["attempts"] = attempts and [
        {name: value for name, value in attempt.items() if name not in ("ms", "at_ms")} for attempt in attempts
    ]
    return record


NOTHING = {
    "method": "POST", "status": 200, "envoy_flags": "-", "envoy_details": "via_upstream", "operation": "chat",
    "stream": "0", "team": None, "user": None, "project": None, "key_id": None, "rule": None, "score": None, "cooling": None, "language": None, "mirror": None, "path": None, "guard": None, "cache": "off", "reason": None, "api": None,
    "cost_usd_micros": None, "waste_usd_micros": None, "price": "unknown",
    "usage_source": "provider", "tokens_class": "estimate", "tokenizer": "o200k_base",
}  # fmt: skip


def test_the_record_of_a_fallback_is_complete(gateway, client):
    reply = client.chat("[[openai status 429 json retry-after=3]]", stream=True)
    assert told(gateway, reply) == NOTHING | {
        "stream": "1",
        "model": "openai-anthropic",
        "route": "openai-anthropic:fallback",
        "provider": "anthropic",
        "dialect": "anthropic",
        "served_model": "claude-test-20260101",
        "attempts": [
            {
                "provider": "openai",
                "model": "gpt-test",
                "status": 429,
                "reason": "rate_limit_exceeded",
                "retry_after": "3",
            },
            {"provider": "anthropic", "model": "claude-test", "status": 200, "reason": None},
        ],
        "attempt_count": "2",
        "input_tokens": "11",
        "output_tokens": "7",
        "cached_tokens": "3",
        "reasoning_tokens": "0",
        "total_tokens": "18",
        "finish": "stop",
        "outcome": "ok",
    }


def test_the_record_of_a_whole_answer_is_complete(gateway, client):
    reply = client.chat(marker(), "gpt-5-nano")
    assert told(gateway, reply) == NOTHING | {
        "model": "gpt-5-nano",
        "route": "gpt-*:fallback",
        "provider": "openai",
        "dialect": "openai",
        "served_model": "gpt-5-nano-2026-01-01",
        "attempts": [{"provider": "openai", "model": "gpt-5-nano", "status": 200, "reason": None}],
        "attempt_count": "1",
        "ttft_ms": None,
        "input_tokens": "11",
        "output_tokens": "7",
        "cached_tokens": "3",
        "reasoning_tokens": "2",
        "total_tokens": "18",
        # 8 at 0.05, 3 at 0.005, 7 at 0.4.
        "cost_usd_micros": "3",
        "price": "known",
        "tokens_class": "exact",
        "finish": "stop",
        "outcome": "ok",
    }


def test_the_record_of_a_refused_request_says_why(gateway, client):
    reply = client.chat(model="nobody")
    record = told(gateway, reply)
    wanted = (
        "status",
        "operation",
        "model",
        "outcome",
        "reason",
        "attempts",
        "attempt_count",
        "provider",
        "total_tokens",
    )
    assert {name: record[name] for name in wanted} == {
        "status": 404, "operation": "chat", "model": "nobody", "outcome": "refused", "reason": "model_not_found",
        "attempts": None, "attempt_count": "0", "provider": None, "total_tokens": None,
    }  # fmt: skip


def test_the_record_of_a_request_that_leads_nowhere_has_the_path_without_its_query(gateway, client):
    reply = client.get("/v1/things/%22?api_key=secret")
    line = told(gateway, reply)
    assert (line["path"], line["reason"], line["operation"]) == ("/v1/things/%22", "unknown_url", None)
    assert told(gateway, client.send("DELETE", "/v1/models"))["path"] == "/v1/models"
    assert told(gateway, client.get("/" + "x" * 1000))["path"] == "/" + "x" * 255
    assert told(gateway, client.get("/v1/models"))["path"] is None


def test_the_time_to_the_first_token_is_measured(gateway, client):
    reply = client.chat("[[anthropic slow 0.1]]", "anthropic-openai", stream=True)
    record = gateway.record(reply.id)
    # Three events, 100 ms apart, come before the first that has content.
    assert 380 <= int(record["ttft_ms"]) < record["duration_ms"] - 250


def test_the_unknown_model_s_error_names_the_known_ones(client):
    error = client.chat(model="nobody").error
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    for name in ("openai-anthropic", "gpt-*", "echo"):
        assert name in error["message"]


def test_the_record_says_how_an_attempt_s_answer_ended(gateway, client):
    def last(reply) -> tuple:
        record = gateway.record(reply.id)
        attempt = json.loads(record["attempts"])[-1]
        return record["outcome"], attempt["status"], attempt["reason"], attempt["ms"] is not None

    def ask(script: str):
        return client.chat(f"[[anthropic {script}]]", "anthropic-openai", stream=True)

    assert last(ask("ok")) == ("ok", 200, None, True)
    assert last(ask("cut-midstream")) == ("partial", 200, "broke_off", True)
    assert last(ask("error-event-later")) == ("partial", 200, "provider_overloaded", True)


def raw(gateway, reply) -> dict:
    """The line as a log collector gets it."""
    gateway.record(reply.id)
    lines = (json.loads(line, object_pairs_hook=once) for line in gateway.raw_records)
    return next(line for line in lines if line.get("request_id") == reply.id)


def test_a_line_of_the_log_is_json_with_numbers_and_lists(gateway, client):
    line = raw(gateway, client.chat("[[openai status 429 json]]", stream=True))
    assert (line["status"], line["stream"], line["attempt_count"], line["total_tokens"]) == (200, True, 2, 18)
    assert [attempt["provider"] for attempt in line["attempts"]] == ["openai", "anthropic"]
    assert "reason" not in line and "cooling" not in line  # what there is not is not written
    assert list(line)[:3] == ["time", "client", "method"] and set(line) - set(list(line)[:9]) <= set(FACTS)


def test_names_that_clients_choose_do_not_break_the_line(gateway, client):
    name = 'a"b\\c\n}{'
    line = raw(gateway, client.chat(model=name))
    assert (line["model"], line["outcome"]) == (name, "refused")


def test_a_request_that_never_reaches_the_filter_has_a_line_as_well(gateway, client):
    port = int(gateway.url.rsplit(":", 1)[1])
    before = len(gateway.raw_records)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(b"GET /unfiltered HTTP/1.1\r\n\r\n")  # no host
        assert connection.recv(64).startswith(b"HTTP/1.1 400")
    gateway.wait(lambda: len(gateway.raw_records) > before)
    lines = [json.loads(line, object_pairs_hook=once) for line in gateway.raw_records[before:]]
    (line,) = [line for line in lines if line["status"] == 400]
    assert "operation" not in line and line["envoy_details"]


@pytest.fixture(scope="module")
def pair():
    made = (Provider("openai"), Provider("anthropic"))
    yield made
    for provider in made:
        provider.stop()


def test_facts_may_be_filter_state_of_their_own(start, pair, closed_port):
    role = world.role(filter_state=["model", "outcome", "output_tokens", "attempts"])
    config = render(role, world.upstreams(*pair, closed_port))
    manager = connection_manager(config)
    form = manager["access_log"][0]["typed_config"]["log_format"]["text_format_source"]
    facts = [f'"own_{name}":"%FILTER_STATE(wasm.llm.{name}:PLAIN)%"' for name in ("model", "outcome", "output_tokens", "provider")]
    form["inline_string"] = re.sub(r"}\s*$", "," + ",".join(facts) + "}\n", form["inline_string"])
    header = {"key": "x-asked", "value": "%FILTER_STATE(wasm.llm.model:PLAIN)% %FILTER_STATE(wasm.llm.provider:PLAIN)%"}
    manager["route_config"]["response_headers_to_add"] = [{"header": header}]
    gateway = start(config)
    client = Client(gateway.url)
    reply = client.chat("[[openai status 429 json]]", stream=True)
    client.close()
    # While it is under way, and at its end; what is not asked for is not there.
    assert reply.headers["x-asked"].strip(" -") == "openai-anthropic"
    record = gateway.record(reply.id)
    own = {name: record[f"own_{name}"] for name in ("model", "outcome", "output_tokens", "provider")}
    assert own == {"model": "openai-anthropic", "outcome": "ok", "output_tokens": "7", "provider": ""}


@pytest.mark.parametrize("apart", [("openai", "anthropic"), ("openai",), ("anthropic",)], ids="-".join)
def test_a_provider_role_in_a_machine_of_its_own_works_and_is_recorded(start, pair, closed_port, apart):
    """Another `vm_id`, as while clusters and listeners are changed one after the other."""
    config = render(world.role(), world.upstreams(*pair, closed_port))
    for cluster in config["static_resources"]["clusters"]:
        if cluster["name"] in apart:
            vm = plugin(http_options(cluster)["http_filters"])["vm_config"]
            vm["vm_id"] = "apart"
    gateway = start(copy.deepcopy(config))
    client = Client(gateway.url)
    for stream in (False, True):
        reply = client.chat("[[openai status 429 json retry-after=3]]", stream=stream)
        record = gateway.record(reply.id)
        attempts = json.loads(record["attempts"])
        assert [(a["provider"], a["status"], a["reason"]) for a in attempts] == [
            ("openai", 429, "rate_limit_exceeded"), ("anthropic", 200, None),
        ]  # fmt: skip
        facts = ("outcome", "provider", "served_model", "total_tokens", "finish", "attempt_count")
        assert [record[name] for name in facts] == ["ok", "anthropic", "claude-test-20260101", "18", "stop", "2"]
    reply = client.chat(marker())
    record = gateway.record(reply.id)
    assert [record[name] for name in facts] == ["ok", "openai", "gpt-test-2026-01-01", "18", "stop", "1"]
    # One that hears nothing tells nobody so.
    reply = client.chat("[[openai reset]]")
    record = gateway.record(reply.id)
    assert [(a["provider"], a["reason"]) for a in json.loads(record["attempts"])] == [("openai", "no_answer"), ("anthropic", None)]
    assert [record[name] for name in facts] == ["ok", "anthropic", "claude-test-20260101", "18", "stop", "2"]
    reply = client.chat("[[anthropic cut-midstream]]", "anthropic-openai", stream=True)
    record = gateway.record(reply.id)
    assert (record["outcome"], record["provider"]) == ("partial", "anthropic")
    reply = client.chat("[[openai status 500]] [[anthropic status 500]]")
    record = gateway.record(reply.id)
    assert (record["outcome"], record["attempt_count"]) == ("error", "2")
    client.close()
    gateway.assert_survived()


def over_http2(port: int, method: str) -> None:
    """One request with any method, as no client library would send it."""
    settings = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
    connection = h2.connection.H2Connection(settings)
    connection.initiate_connection()
    head = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", "/healthz")]
    connection.send_headers(1, head, end_stream=True)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as line:
        line.sendall(connection.data_to_send())
        line.settimeout(PATIENCE)
        while data := line.recv(65536):
            events = connection.receive_data(data)
            ended = (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)
            if any(isinstance(event, ended) for event in events):
                return


@pytest.mark.parametrize("method", ['GE"T', 'GET","outcome":"forged', "GE\\T"])
def test_no_method_breaks_the_line_or_forges_a_fact(gateway, client, method):
    port = int(gateway.url.rsplit(":", 1)[1])
    before = len(gateway.raw_records)
    over_http2(port, method)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as line:
        line.sendall(f"{method} /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
        while line.recv(4096):
            pass
    reply = client.chat(marker())
    gateway.record(reply.id)
    lines = [json.loads(line, object_pairs_hook=once) for line in gateway.raw_records[before:]]
    assert all(line.get("outcome") != "forged" for line in lines), lines
