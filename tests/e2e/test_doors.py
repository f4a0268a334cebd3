"""The fakes let in what their provider would, and hold the rest against the test."""

import json

import httpx
import pytest

from fake.client import PLAIN, ask
from fake.provider import Provider

BEARER = {"authorization": "Bearer k"}
JSON = {"content-type": "application/json"}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
DEPLOYMENT = "/openai/deployments/m/chat/completions"


@pytest.mark.parametrize(
    ("name", "method", "path", "headers", "status"),
    [
        ("openai", "POST", CHAT, BEARER | JSON, 200),
        ("openai", "POST", f"/v2{CHAT}", BEARER | JSON, 404),
        ("openai", "POST", f"{CHAT}/", BEARER | JSON, 404),
        ("openai", "POST", "/chat/completions", BEARER | JSON, 404),
        ("openai", "POST", MESSAGES, BEARER | JSON, 404),
        ("openai", "PUT", CHAT, BEARER | JSON, 405),
        ("openai", "POST", CHAT, BEARER | {"content-type": "text/plain"}, 415),
        ("openai", "POST", CHAT, BEARER, 415),
        ("openai", "POST", CHAT, JSON, 401),
        ("openai", "POST", CHAT, JSON | {"authorization": "k"}, 401),
        ("openai", "POST", CHAT, JSON | {"authorization": "Basic k"}, 401),
        ("openai", "POST", CHAT, JSON | {"x-api-key": "k"}, 401),
        ("openai", "POST", CHAT, JSON | BEARER | {"x-api-key": "k"}, 401),
        ("openai", "POST", "/v1/moderations", BEARER | JSON, 200),
        ("openai", "POST", "/v1/moderations", BEARER, 415),
        ("openai", "GET", "/v1/files", {}, 401),
        ("openai", "GET", "/files", BEARER, 404),
        ("anthropic", "POST", MESSAGES, JSON | {"x-api-key": "k"}, 200),
        ("anthropic", "POST", MESSAGES, JSON | BEARER, 401),
        ("anthropic", "POST", CHAT, JSON | {"x-api-key": "k"}, 404),
        ("gemini", "POST", "/v1beta/models/m:generateContent", JSON | {"x-goog-api-key": "k"}, 200),
        ("gemini", "POST", "/v1beta/models/m:generate", JSON | {"x-goog-api-key": "k"}, 404),
        ("azure", "POST", DEPLOYMENT, JSON | {"api-key": "k"}, 200),
        ("azure", "POST", DEPLOYMENT, JSON | BEARER, 401),
        ("azure", "POST", CHAT, JSON | {"api-key": "k"}, 404),
        ("groq", "POST", f"/openai{CHAT}", JSON | BEARER, 200),
        ("groq", "POST", CHAT, JSON | BEARER, 404),
        ("mistral", "POST", CHAT, JSON | {"api-key": "k"}, 401),
        ("bedrock", "POST", "/model/m/converse", JSON | {"authorization": "AWS4-HMAC-SHA256 k"}, 200),
        ("bedrock", "POST", "/model/m/converse", JSON | {"x-api-key": "k"}, 401),
    ],
)
def test_a_request_that_the_provider_would_refuse_fails_the_test(name, method, path, headers, status):
    provider = Provider(name)
    url = f"http://127.0.0.1:{provider.port}{path}"
    body = json.dumps(ask(model="m"))
    assert httpx.request(method, url, headers=headers, content=body, **PLAIN).status_code == status
    if status == 200:
        provider.stop()
    else:
        with pytest.raises(AssertionError, match=str(status)):
            provider.stop()


def test_a_key_that_comes_twice_is_one_too_many():
    provider = Provider("openai")
    twice = [("authorization", "Bearer k")] * 2
    assert httpx.get(f"http://127.0.0.1:{provider.port}/v1/files", headers=twice, **PLAIN).status_code == 401
    with pytest.raises(AssertionError, match="401"):
        provider.stop()
