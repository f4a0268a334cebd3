"""Bedrock behind the real Envoy: Converse, its binary stream, and the signature over what is really sent."""

import hashlib
import json
import re

import pytest
import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fake import world
from fake.client import Client, Gathered, marker
from fake.gateway import ROOT, Upstream, http_options, plugin, render, wasm
from fake.provider import Provider

TEXT = "Grüße, 世界 🎉!"
MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ENCODED = "us.anthropic.claude-haiku-4-5-20251001-v1%3A0"
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
KEY, SECRET, TOKEN = "AKIAEXAMPLE", "not-a-secret", "not-a-token"
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def bedrock_provider():
    provider = Provider("bedrock")
    yield provider
    provider.stop()


def shipped_cluster(port: int) -> dict:
    """The ready cluster, in front of a fake, with credentials that are none."""
    (cluster,) = yaml.safe_load((ROOT / "envoy/providers/bedrock.yaml").read_text())["clusters"]
    cluster["type"] = "STATIC"
    del cluster["dns_lookup_family"], cluster["transport_socket"]
    address = {"address": "127.0.0.1", "port_value": port}
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"] = address
    options = http_options(cluster)
    del options["auto_config"]
    options["explicit_http_config"] = {"http_protocol_options": {}}
    plugin(options["http_filters"])["vm_config"]["code"]["local"]["filename"] = str(wasm())
    signing = options["http_filters"][1]["typed_config"]
    credential = {"access_key_id": KEY, "secret_access_key": SECRET, "session_token": TOKEN}
    signing["credential_provider"] = {"inline_credential": credential}
    return cluster


@pytest.fixture(scope="module")
def gateway(start_for_all, bedrock_provider, openai_provider):
    bedrock = {"provider": "bedrock", "model": MODEL}
    models = {
        "claude": {"targets": [bedrock]},
        "claude-openai": {"targets": [bedrock, world.OPENAI]},
        "bedrock/*": {"targets": [{"provider": "bedrock"}]},
    }
    role = {"role": "gateway", "models": models, "providers": {"openai": {}, "bedrock": {}}} | world.QUIET
    role["on_context_length"] = "ignore"
    config = render(role, {"openai": Upstream(openai_provider.port, "openai")})
    config["static_resources"]["clusters"].append(shipped_cluster(bedrock_provider.port))
    return start_for_all(config)


@pytest.fixture(scope="module")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


def test_a_whole_answer_is_translated(client, bedrock_provider):
    text = marker()
    reply = client.chat(text, "claude", temperature=0.5)
    (seen,) = bedrock_provider.asked(text)
    assert (seen.path, seen.headers["host"]) == (f"/model/{ENCODED}/converse", HOST)
    assert seen.json == {
        "messages": [{"role": "user", "content": [{"text": text}]}],
        "inferenceConfig": {"temperature": 0.5},
    }
    assert reply.answer == Gathered(TEXT, [], "stop", USAGE, MODEL, None, True)
    assert (reply.status, reply.headers["x-llm-provider"], reply.headers["x-llm-model"]) == (200, "bedrock", MODEL)


@pytest.mark.parametrize("script", ["ok", "trickle"])
def test_a_binary_stream_reaches_the_client_as_server_sent_events(client, bedrock_provider, gateway, script):
    text = f"{marker()} [[bedrock {script}]]"
    reply = client.chat(text, "claude", stream=True, stream_options={"include_usage": True})
    (seen,) = bedrock_provider.asked(text)
    assert seen.path == f"/model/{ENCODED}/converse-stream"
    assert seen.headers["accept"] == "application/vnd.amazon.eventstream"
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.answer == Gathered(TEXT, [], "stop", USAGE, MODEL, None, True)
    record = gateway.record(reply.id)
    assert (record["total_tokens"], record["cached_tokens"], record["finish"]) == ("18", "3", "stop")


def test_the_first_token_is_not_held_back_by_the_rest(client):
    messages = [{"role": "user", "content": "[[bedrock hang-midstream]]"}]
    request = {"model": "claude", "stream": True, "messages": messages}
    with client.http.stream("POST", "/v1/chat/completions", json=request) as answer:
        first = next(piece for piece in answer.iter_text() if "Grü" in piece)
    assert '"content":"Grü"' in first


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_tool_is_called(client, stream):
    answer = client.chat(model="claude", stream=stream, tools=[TOOL]).answer
    (call,) = answer.calls
    assert (call[:2], json.loads(call[2]), answer.finish, answer.done) == (
        ("tooluse_1", "weather"),
        {"city": "Köln"},
        "tool_calls",
        True,
    )


@pytest.mark.parametrize(
    ("script", "stream", "status", "reason"),
    [
        ("error-event-first", True, 200, "rate_limit_exceeded"),
        ("error-event-after-opening", True, 200, "rate_limit_exceeded"),
        ("end-at-once", True, 200, "provider_failed"),
        ("garbage", True, 200, "provider_failed"),
        ("status 429", True, 429, "rate_limit_exceeded"),
        ("status 403", False, 403, "provider_auth_failed"),
        ("status 424", False, 424, "provider_failed"),
        ("status 503 html", False, 503, "provider_overloaded"),
    ],
)
def test_a_failure_before_the_first_token_moves_on(client, gateway, script, stream, status, reason):
    reply = client.chat(f"[[bedrock {script}]]", "claude-openai", stream=stream)
    answer = reply.answer
    assert (reply.status, answer.content, answer.finish, answer.done) == (200, TEXT, "stop", True)
    assert (reply.headers["x-llm-provider"], reply.headers["x-llm-attempts"]) == ("openai", "2")
    first, _ = json.loads(gateway.record(reply.id)["attempts"])
    assert (first["provider"], first["status"], first["reason"]) == ("bedrock", status, reason)


@pytest.mark.parametrize(
    ("script", "code"),
    [("error-event-later", "rate_limit_exceeded"), ("end-early", "provider_failed")],
)
def test_a_failure_after_the_first_token_is_an_error_in_the_stream(client, script, code):
    answer = client.chat(f"[[bedrock {script}]]", "claude-openai", stream=True).answer
    assert (answer.error["code"], answer.done) == (code, False)
    assert TEXT.startswith(answer.content) and answer.content


def signature(seen, secret: str) -> str:
    """What AWS's own client would sign this request with, over the headers that were signed."""
    names = re.search(r"SignedHeaders=([^,]+)", seen.headers["authorization"])[1].split(";")
    headers = {name: seen.headers[name] for name in names}
    request = AWSRequest("POST", f"https://{seen.headers['host']}{seen.path}", headers, seen.body)
    request.context["timestamp"] = seen.headers["x-amz-date"]
    auth = SigV4Auth(Credentials(KEY, secret, TOKEN), "bedrock", "us-east-1")
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


@pytest.mark.parametrize(
    "model",
    ["claude", "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-2-lite-v1:0"],
    ids=["name", "arn"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_signature_covers_the_translated_request(client, bedrock_provider, model, stream):
    text = marker()
    key = {"authorization": "Bearer a-client-s-own"}
    assert client.chat(text, model, headers=key, stream=stream, tools=[TOOL]).status == 200
    (seen,) = bedrock_provider.asked(text)
    assert seen.headers["x-amz-content-sha256"] == hashlib.sha256(seen.body).hexdigest()
    assert seen.headers["content-length"] == str(len(seen.body))
    said = seen.headers["authorization"]
    assert said.startswith(f"AWS4-HMAC-SHA256 Credential={KEY}/{seen.headers['x-amz-date'][:8]}/us-east-1/bedrock/")
    signed = re.search(r"SignedHeaders=([^,]+)", said)[1].split(";")
    assert {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} <= set(signed)
    assert re.search(r"Signature=([0-9a-f]+)", said)[1] == signature(seen, SECRET)
    assert signature(seen, "another") != signature(seen, SECRET)
    assert b"a-client-s-own" not in seen.head


def test_a_large_request_is_signed_whole(client, bedrock_provider):
    text = marker()
    reply = client.chat(text + "x" * 3_000_000, "claude")
    (seen,) = bedrock_provider.asked(text)
    assert (reply.status, len(seen.body) > 3_000_000) == (200, True)
    assert seen.headers["x-amz-content-sha256"] == hashlib.sha256(seen.body).hexdigest()
