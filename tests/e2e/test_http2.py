"""The same over HTTP/2 on both sides: what the real providers offer and what many clients use."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from fake.client import PLAIN, Client, Gathered
from fake.gateway import Gateway, Upstream, http_options, render
from fake.world import role, upstreams

TEXT = "Grüße, 世界 🎉!"
SERVED = {"openai": "gpt-test-2026-01-01", "anthropic": "claude-test-20260101"}


@pytest.fixture(scope="module")
def client(start_for_all, openai_provider, anthropic_provider, closed_port, tmp_path_factory):
    """A gateway that speaks HTTP/2 to another Envoy, which speaks HTTP/1.1 to the fakes."""
    behind = upstreams(openai_provider, anthropic_provider, closed_port)
    names = ("openai", "anthropic")
    doors = {name: Gateway(door(behind[name].port), tmp_path_factory.mktemp("door")) for name in names}
    behind |= {name: Upstream(opened.port, name) for name, opened in doors.items()}
    config = render(role(), behind)
    for cluster in config["static_resources"]["clusters"]:
        options = http_options(cluster)
        options["explicit_http_config"] = {"http2_protocol_options": {}}
    client = OneConnection(start_for_all(config).url)
    yield client
    client.close()
    for opened in doors.values():
        opened.stop()


class OneConnection(Client):
    """All threads are streams of one HTTP/2 connection."""

    http = None

    def __init__(self, url: str):
        self.http = httpx.Client(base_url=url, http1=False, http2=True, timeout=30, **PLAIN)

    def close(self) -> None:
        self.http.close()


def door(port: int) -> dict:
    """An Envoy without the filter: HTTP/2 in, HTTP/1.1 out."""
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "door",
        "codec_type": "HTTP2",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "fake", "timeout": "0s"}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    local = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    fake = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "admin": {"address": local},
        "static_resources": {
            "listeners": [
                {
                    "name": "in",
                    "address": local,
                    "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "fake",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "fake",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": fake}}]}],
                    },
                }
            ],
        },
    }


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("script", ["ok", "status 503", "status 429", "reset", "error-event-first", "empty"])
@pytest.mark.parametrize(("first", "second"), [("openai", "anthropic"), ("anthropic", "openai")])
def test_answers_and_fallbacks_are_the_same(client, first, second, script, stream):
    if script == "error-event-first" and not stream:
        script = "ok-with-error-body"
    reply = client.chat(f"[[{first} {script}]]", f"{first}-{second}", stream=stream)
    answer, by = reply.answer, first if script == "ok" else second
    answer.usage = None
    assert (reply.status, reply.headers["x-llm-provider"]) == (200, by)
    assert answer == Gathered(TEXT, [], "stop", None, SERVED[by], None, True)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_broken_stream_ends_as_it_does_over_http1(client, provider):
    reply = client.chat(f"[[{provider} error-event-later]]", f"{provider}-{other(provider)}", stream=True)
    assert (reply.cut, reply.answer.done, bool(reply.answer.error)) == (False, False, True)
    reply = client.chat(f"[[{provider} cut-midstream]]", f"{provider}-{other(provider)}", stream=True)
    assert (reply.cut, reply.answer.done) == (True, False)


def other(provider: str) -> str:
    return {"openai": "anthropic", "anthropic": "openai"}[provider]


def test_many_streams_share_a_connection_and_do_not_mix(client):
    def one(number: int) -> str:
        return client.chat(f"[[openai slow 0.0{number % 7}]]", f"openai/model-{number}", stream=True).answer.model

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(one, range(60))) == [f"model-{number}-2026-01-01" for number in range(60)]
