"""`python -m fake`: a gateway in front of both fakes, until its standard input closes. For clients in other languages.

Prints one line of JSON: `{"gateway": url, "openai": url, "anthropic": url}`; what a fake has seen is at `/seen/<text>`.
"""

import json
import sys
import tempfile
from pathlib import Path

from . import world
from .gateway import Gateway, render
from .provider import Provider


def main() -> None:
    openai, anthropic = Provider("openai"), Provider("anthropic")
    with world.closed_port() as closed, tempfile.TemporaryDirectory() as folder:
        role = world.role(passthrough={"provider": "openai"})
        gateway = Gateway(render(role, world.upstreams(openai, anthropic, closed)), Path(folder))
        try:
            urls = {
                name: f"http://127.0.0.1:{fake.port}" for name, fake in (("openai", openai), ("anthropic", anthropic))
            }
            print(json.dumps({"gateway": gateway.url} | urls), flush=True)
            sys.stdin.read()
        finally:
            gateway.stop()
            openai.stop()
            anthropic.stop()


main()
