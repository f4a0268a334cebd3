"""What envoy/production.yaml adds to the shipped configuration, and a gateway that is drained before it stops."""

import copy
import os
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import trustme
import yaml

from fake.client import ask
from fake.gateway import ROOT, Upstream, render
from fake.world import role

ADDITIONS = yaml.safe_load((ROOT / "envoy/production.yaml").read_text())


class Production:
    """A gateway with all of it."""

    def __init__(self, start_new, provider, folder):
        self.ca, self.folder = trustme.CA(), folder
        self.put_certificate()
        settings = role(models={"m": {"targets": [{"provider": "openai"}]}}, providers={"openai": {}})
        settings["guards"] = [{"name": "pii", "detect": "EMAIL_ADDRESS", "action": "mask"}]
        config = render(settings, {"openai": Upstream(provider.port, "openai")})
        self.gateway, self.admin = at_free_port(lambda admin: start_new(self.with_additions(config, admin)))
        self.metrics = f"http://127.0.0.1:{self.gateway.port_of('metrics')}"
        self.url = self.gateway.url.replace("http://127.0.0.1", "https://localhost")

    def with_additions(self, plain: dict, admin: int) -> dict:
        config, folder = copy.deepcopy(plain), self.folder
        text = yaml.safe_dump(ADDITIONS).replace("/etc/envoy/secrets", str(folder)).replace("9901", str(admin))
        parts = yaml.safe_load(text)
        (metrics,) = parts["listeners"]
        metrics["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
        config["admin"]["address"]["socket_address"]["port_value"] = admin
        static = config["static_resources"]
        static["listeners"][0]["filter_chains"][0]["transport_socket"] = parts["transport_socket"]
        static["listeners"] += parts["listeners"]
        static["clusters"] += parts["clusters"]
        return config

    def put_certificate(self):
        made, folder = self.ca.issue_cert("localhost"), self.folder
        made.private_key_pem.write_to_path(folder / "gateway-key.pem")
        (folder / "gateway.pem").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        text = yaml.safe_dump(ADDITIONS["secret"]).replace("/etc/envoy/secrets", str(folder))
        (folder / "new").write_text(text)
        os.rename(folder / "new", folder / "gateway-certificate.yaml")

    def client(self) -> httpx.Client:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return httpx.Client(base_url=self.url, verify=context, http2=False, timeout=30, trust_env=False)


def at_free_port(start):
    """What starts there, and the port. It is free when it is found; somebody else may be faster: then another one."""
    for left in (2, 1, 0):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        try:
            return start(port), port
        except RuntimeError:
            if not left:
                raise


@pytest.fixture(scope="module")
def production(start_new, openai_provider, tmp_path_factory):
    return Production(start_new, openai_provider, tmp_path_factory.mktemp("secrets"))


def test_clients_come_by_tls_and_a_new_certificate_is_taken(production):
    def certificate() -> str:
        return ssl.get_server_certificate(("127.0.0.1", production.gateway.port), timeout=10)

    assert production.client().post("/v1/chat/completions", json=ask("hi", "echo")).status_code == 200
    first = certificate()
    production.put_certificate()
    end = time.monotonic() + 10
    while certificate() == first:
        assert time.monotonic() < end, "the new certificate was not taken"
        time.sleep(0.05)


def test_metrics_and_readiness_are_all_that_the_admin_port_lets_out(production):
    reply = production.client().post("/v1/chat/completions", json=ask("I am ann@example.com", "m"))
    assert reply.status_code == 200, reply.text
    with httpx.Client(base_url=production.metrics, trust_env=False) as metrics:
        text = metrics.get("/stats/prometheus").text
        assert 'llm_guard_mask{guard="pii"} 1' in text.splitlines()
        assert 'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="openai"} 1' in text.splitlines()
        assert metrics.get("/ready").status_code == 200
        for method, path in [("GET", "/config_dump"), ("GET", "/"), ("POST", "/ready"), ("POST", "/quitquitquit"), ("GET", "/ready/../certs")]:
            assert metrics.request(method, path).status_code == 404, path


def test_a_gateway_that_is_drained_ends_what_it_has_begun(production, openai_provider):
    """As before a stop in Kubernetes: probes see it at once, streams are waited for."""
    drain = [str(ROOT / "scripts/drain.sh"), "30"]
    settings = os.environ | {"LLM_GATEWAY_ADMIN_PORT": str(production.admin), "LLM_GATEWAY_DRAIN_PAUSE": "0"}
    body = ask("[[openai held]] until-released", "m", stream=True)
    with ThreadPoolExecutor(1) as pool, production.client() as client:
        stream = pool.submit(lambda: client.post("/v1/chat/completions", json=body).text)
        production.gateway.wait(lambda: openai_provider.asked("until-released"))
        (seen,) = openai_provider.asked("until-released")
        with subprocess.Popen(drain, env=settings) as draining:
            production.gateway.wait(lambda: httpx.get(production.metrics + "/ready", trust_env=False).status_code == 503)
            with production.client() as late:
                answer = late.post("/v1/chat/completions", json=ask("hi", "echo"))
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
            with pytest.raises(subprocess.TimeoutExpired):
                draining.wait(1.5)
            seen.released.set()
            assert stream.result(30).endswith("data: [DONE]\n\n")
            assert draining.wait(10) == 0
