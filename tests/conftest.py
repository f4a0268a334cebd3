"""One Envoy and one pair of providers for all tests that need no configuration of their own."""

import socket
import tempfile
from pathlib import Path

import pytest

from fake.client import Client
from fake.gateway import Gateway, Upstream, render
from fake.provider import Provider

OPENAI = {"provider": "openai", "model": "gpt-test"}
ANTHROPIC = {"provider": "anthropic", "model": "claude-test"}
NO_OPENAI = {"provider": "no-openai", "model": "gpt-test"}
NO_ANTHROPIC = {"provider": "no-anthropic", "model": "claude-test"}
IMPATIENT = {"first_token_timeout": "1s", "answer_timeout": "1s"}

MODELS = {
    "openai-anthropic": {"targets": [OPENAI, ANTHROPIC]},
    "anthropic-openai": {"targets": [ANTHROPIC, OPENAI]},
    "impatient-openai-anthropic": {"targets": [OPENAI, ANTHROPIC], **IMPATIENT},
    "impatient-anthropic-openai": {"targets": [ANTHROPIC, OPENAI], **IMPATIENT},
    "refused-openai-anthropic": {"targets": [NO_OPENAI, ANTHROPIC]},
    "refused-anthropic-openai": {"targets": [NO_ANTHROPIC, OPENAI]},
    "refused-by-all": {"targets": [NO_OPENAI, NO_ANTHROPIC]},
    "twice": {"targets": [{"provider": "openai", "model": "m1"}, {"provider": "openai", "model": "m2"}]},
    "unhurried": {"targets": [OPENAI], "first_token_timeout": "1s", "answer_timeout": "30s"},
    "hurried": {"targets": [OPENAI], "first_token_timeout": "30s", "answer_timeout": "1s"},
    "gpt-*": {"targets": [{"provider": "openai"}]},
    "openai/*": {"targets": [{"provider": "openai"}]},
    "anthropic/*": {"targets": [{"provider": "anthropic"}]},
}


def role(**more) -> dict:
    """The gateway role's configuration; timeouts are long unless a model says otherwise."""
    providers = {
        "openai": {},
        "anthropic": {},
        "no-openai": {"dialect": "openai"},
        "no-anthropic": {"dialect": "anthropic"},
    }
    return {"role": "gateway", "models": MODELS, "providers": providers, "first_token_timeout": "30s"} | more


@pytest.fixture(scope="session")
def closed_port():
    """A port that refuses connections and that nobody else takes."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture(scope="session")
def openai_provider():
    provider = Provider("openai")
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def anthropic_provider():
    provider = Provider("anthropic")
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def upstreams(openai_provider, anthropic_provider, closed_port):
    return {
        "openai": Upstream(openai_provider.port, "openai", key="key-of-openai"),
        "anthropic": Upstream(anthropic_provider.port, "anthropic", key="key-of-anthropic"),
        "no-openai": Upstream(closed_port, "openai"),
        "no-anthropic": Upstream(closed_port, "anthropic"),
    }


@pytest.fixture(scope="session")
def start():
    """Starts Envoys that stop with the session."""
    running = []

    def starter(config: dict) -> Gateway:
        folder = Path(tempfile.mkdtemp(prefix="llm-gateway-test-"))
        running.append(Gateway(config, folder))
        return running[-1]

    yield starter
    for gateway in running:
        gateway.stop()


@pytest.fixture(scope="session")
def gateway(start, upstreams):
    """An open gateway: no keys."""
    return start(render(role(), upstreams))


@pytest.fixture(scope="session")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _no_crash(request):
    """Whatever a test does, the filter survives it."""
    yield
    if "gateway" in request.fixturenames:
        gateway = request.getfixturevalue("gateway")
        assert gateway.process.poll() is None
        assert gateway.crashes() == {}
