"""A filter that crashes is noticed: what all other tests rely on when they end."""

import threading
from types import SimpleNamespace

import pytest

from fake.client import Client
from fake.gateway import Gateway, connection_manager, plugin, render
from fake.world import role


def section(number: int, *items: bytes) -> bytes:
    content = bytes([len(items)]) + b"".join(items)
    return bytes([number, len(content)]) + content


def export(name: str, kind: int, index: int) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind, index])


NUMBER = 0x7F
TAKES = {0: (0, 0), 1: (2, 0), 2: (1, 1), 3: (3, 1)}  # numbers that a function of this type takes, and returns
FUNCTIONS = {  # type and body
    "proxy_abi_version_0_2_1": (0, b""),
    "proxy_on_context_create": (1, b""),
    "malloc": (2, b"\x41\x80\x08"),  # always 1024
    "proxy_on_request_headers": (3, b"\x00"),  # unreachable
}
TRAP = b"\0asm\1\0\0\0" + b"".join(
    [
        section(1, *(bytes([0x60, takes, *[NUMBER] * takes, gives, *[NUMBER] * gives]) for takes, gives in TAKES.values())),
        section(3, *(bytes([kind]) for kind, _ in FUNCTIONS.values())),
        section(5, b"\0\1"),
        section(7, export("memory", 2, 0), *(export(name, 0, index) for index, name in enumerate(FUNCTIONS))),
        section(10, *(bytes([len(body) + 2, 0]) + body + b"\x0b" for _, body in FUNCTIONS.values())),
    ]
)


def test_a_filter_that_traps_is_seen_before_it_is_reloaded(upstreams, tmp_path):
    (tmp_path / "trap.wasm").write_bytes(TRAP)
    config = render(role(), upstreams)
    role_ = plugin(connection_manager(config)["http_filters"])
    role_["vm_config"]["code"]["local"]["filename"] = str(tmp_path / "trap.wasm")
    gateway = Gateway(config, tmp_path)
    try:
        gateway.assert_survived()
        assert Client(gateway.url).get("/healthz").status == 503
        assert not any(gateway.stats("vm_reload").values()), "that comes with the next stream"
        with pytest.raises(AssertionError, match="Uncaught RuntimeError: unreachable"):
            gateway.assert_survived()
    finally:
        gateway.stop()


def test_an_envoy_that_is_gone_or_says_nothing_has_not_survived(upstreams, tmp_path):
    gateway = Gateway(render(role(), upstreams), tmp_path)
    gateway.assert_survived()
    gateway.admin, admin = "http://127.0.0.1:1", gateway.admin
    with pytest.raises(AssertionError, match="does not tell"):
        gateway.assert_survived()
    gateway.admin = admin
    gateway.bad_records.append("not a record")
    with pytest.raises(AssertionError, match="not a record"):
        gateway.assert_survived()
    gateway.stop()
    with pytest.raises(AssertionError, match="Envoy ended"):
        gateway.assert_survived()


@pytest.mark.parametrize("line", ['{"status":200,"status":500}\n', "status 200\n"])
def test_a_line_of_the_log_that_is_no_record_is_kept_as_such(line):
    gateway = Gateway.__new__(Gateway)
    gateway.records, gateway.raw_records, gateway.bad_records = [], [], []
    gateway._news, gateway.process = threading.Condition(), SimpleNamespace(stdout=[line, '{"status":200}\n'])
    gateway._read()
    assert (gateway.records, len(gateway.bad_records)) == ([{"status": 200}], 1)
