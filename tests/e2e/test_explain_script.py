"""scripts/explain.sh tells the same as a running gateway, without a key in the configuration and without reaching anybody."""

import hashlib
import json
import os
import subprocess
import sys

import yaml

from fake.client import Client
from fake.gateway import ROOT, Upstream, envoy_binary, render, shipped, wasm

KEYS = {"ops": "gw-script-ops", "lawyer": "gw-script-lawyer"}


def sha256(name: str) -> str:
    return hashlib.sha256(KEYS[name].encode()).hexdigest()


ROLE = {
    "role": "gateway",
    "models": {"smart": {"targets": [{"provider": "us", "model": "gpt-5-mini"}, {"provider": "eu", "model": "claude-sonnet-4-6"}]}},
    "providers": {"us": {"dialect": "openai"}, "eu": {"dialect": "anthropic", "labels": {"region": "eu"}}},
    "rules": [{"name": "legal", "when": {"team": "legal", "headers": {"x-case": "*"}}, "require": {"region": "eu"}}],
    "keys": [{"id": "ops", "sha256": sha256("ops"), "admin": True}, {"id": "lawyer", "sha256": sha256("lawyer"), "team": "legal"}],
}
# Nobody listens there, and the names of hosts are real ones: nothing may be sent.
UPSTREAMS = {"us": Upstream(1, "openai", role={"host": "us.example.com", "headers": {"x-a": "b"}}), "eu": Upstream(1, "anthropic", role={"host": "eu.example.com"})}
BODY = {"model": "smart", "messages": [{"role": "user", "content": "Grüße 🎉"}], "temperature": 0.5}


def run(folder, body: bytes, *arguments: str, **more: str) -> tuple[int, str, str]:
    """The exit code and what was said."""
    request = folder / "request.json"
    request.write_bytes(body)
    env = {**os.environ, "PYTHON": sys.executable, "ENVOY_BIN": envoy_binary(), "LLM_GATEWAY_WASM": str(wasm())} | more
    command = [ROOT / "scripts/explain.sh", request.name, *arguments]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_command_tells_what_the_gateway_tells(start, tmp_path):
    config = render(ROLE, UPSTREAMS)
    body = json.dumps(BODY).encode()
    headers = {"content-type": "application/json", "x-llm-explain-key": "lawyer", "x-case": "7"}
    told = Client(start(config).url, KEYS["ops"]).send("POST", "/gateway/explain", content=body, headers=headers)
    # Somewhere between the lines that the script reads stands what it must not need: secrets and certificates.
    config["static_resources"]["secrets"] = [{"name": "us-key", "generic_secret": {"secret": {"filename": "/nowhere"}}}]
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(config))
    code, out, err = run(tmp_path, body, "--config", "envoy.yaml", "--key", "lawyer", "--header", "X-Case: 7")
    assert (code, err) == (0, "")
    assert out.startswith('{\n  "model": "smart",') and "Grüße" in out
    expected, got = told.json, json.loads(out)
    assert got == expected
    assert [target["provider"] for target in got["plan"]] == ["eu"]


def test_the_shipped_configuration_needs_nothing_but_the_request(tmp_path):
    body = {"model": "smart", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    code, out, err = run(tmp_path, json.dumps(body).encode(), "--path", "/v1/messages")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert [target["request"]["path"] for target in told["plan"]] == ["/v1/messages", "/v1/chat/completions"]
    assert shipped()["node"]["id"] not in told["key"]


def test_what_cannot_be_told_says_why(tmp_path):
    code, out, err = run(tmp_path, b"{")
    assert (code, json.loads(out)["error"]["code"], err) == (1, "invalid_request", "")
    config = render(ROLE | {"modles": {}}, UPSTREAMS)
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(config))
    code, out, err = run(tmp_path, b"{}", "--config", "bad.yaml")
    assert (code, out) == (2, "")
    assert "$.modles: unknown key" in err
    code, out, err = run(tmp_path, b"{}", "--config", "none.yaml")
    assert (code, out) == (2, "") and "none.yaml" in err
    code, _, err = run(tmp_path, b"{}", "--key", "nobody")
    assert code == 1
