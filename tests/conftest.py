"""One Envoy and one pair of providers for all tests that need no configuration of their own."""

from contextlib import ExitStack

import pytest

from fake import world
from fake.client import Client
from fake.gateway import Gateway, render
from fake.provider import Provider
from fake.warm import Pool


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


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    """Envoys that take one configuration after another."""
    envoys = Pool(lambda: tmp_path_factory.mktemp("envoy"))
    yield envoys
    envoys.stop()


@pytest.fixture
def start(warm):
    """Gateways with configurations of their own, until the test ends."""
    yield from starter(warm)


@pytest.fixture(scope="module")
def start_for_all(warm):
    """The same until the module ends."""
    yield from starter(warm)


@pytest.fixture(scope="module")
def start_new(tmp_path_factory):
    """Envoys that nobody has used before, started with all of their configuration."""
    running = []

    def start(config: dict) -> Gateway:
        running.append(Gateway(config, tmp_path_factory.mktemp("envoy")))
        return running[-1]

    yield start
    end(running)


def starter(warm):
    lent = []

    def start(config: dict) -> Gateway:
        lent.append(warm.take(config))
        return lent[-1]

    yield start
    end(lent)


def end(gateways: list[Gateway]) -> None:
    """Whatever a test has done, each of them has survived it; all are released, however one fares."""
    with ExitStack() as stack:
        for gateway in gateways:
            stack.callback(gateway.release)
            stack.callback(gateway.assert_survived)


@pytest.fixture(scope="session")
def gateway(upstreams, tmp_path_factory):
    """An open gateway: no keys."""
    gateway = Gateway(render(world.role(), upstreams), tmp_path_factory.mktemp("envoy"))
    yield gateway
    end([gateway])


@pytest.fixture(scope="session")
def client(gateway):
    client = Client(gateway.url)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _no_crash(request):
    """A crash is the failure of the test that caused it, where it uses the gateway of many tests."""
    yield
    if "gateway" in request.fixturenames:
        request.getfixturevalue("gateway").assert_survived()
