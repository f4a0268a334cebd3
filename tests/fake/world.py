"""The models and providers of a gateway under test."""

import socket

from .gateway import Upstream

OPENAI = {"provider": "openai", "model": "gpt-test"}
ANTHROPIC = {"provider": "anthropic", "model": "claude-test"}
NO_OPENAI = {"provider": "no-openai", "model": "gpt-test"}
NO_ANTHROPIC = {"provider": "no-anthropic", "model": "claude-test"}
IMPATIENT = {"first_token_timeout": "1s", "answer_timeout": "1s"}

QUIET = {"health": {"enabled": False}}

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
    """The gateway role's configuration; timeouts are long unless a model says otherwise, and what one test lets fail
    does not cool down for the next."""
    providers = {
        "openai": {},
        "anthropic": {},
        "no-openai": {"dialect": "openai"},
        "no-anthropic": {"dialect": "anthropic"},
    }
    return {"role": "gateway", "models": MODELS, "providers": providers, "first_token_timeout": "30s"} | QUIET | more


def closed_port() -> socket.socket:
    """A port that refuses connections, and that nobody else gets while it is held."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


def upstreams(
    openai, anthropic, closed: socket.socket, keys=("key-of-openai", "key-of-anthropic")
) -> dict[str, Upstream]:
    """The clusters that `role` names, in front of two fakes and a closed port."""
    nobody = closed.getsockname()[1]
    return {
        "openai": Upstream(openai.port, "openai", keys[0]),
        "anthropic": Upstream(anthropic.port, "anthropic", keys[1]),
        "no-openai": Upstream(nobody, "openai"),
        "no-anthropic": Upstream(nobody, "anthropic"),
    }
