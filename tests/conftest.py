"""One Envoy and one pair of providers for all tests that need no configuration of their own."""

import pytest

from fake import world
from fake.client import Client
from fake.gateway import Gateway, render
from fake.provider import Provider


@pytest.fixture(scope="session")
def closed_port():
    with world.closed_port() as held:
        yield held


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
    return world.upstreams(openai_provider, anthropic_provider, closed_port)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Starts Envoys that stop with the module: each holds 200 MB."""
    running = []

    def starter(config: dict) -> Gateway:
        running.append(Gateway(config, tmp_path_factory.mktemp("envoy")))
        return running[-1]

    yield starter
    for gateway in running:
        gateway.stop()


@pytest.fixture(scope="session")
def gateway(upstreams, tmp_path_factory):
    """An open gateway: no keys."""
    gateway = Gateway(render(world.role(), upstreams), tmp_path_factory.mktemp("envoy"))
    yield gateway
    gateway.stop()


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
