"""What the tests put around the real Envoy: providers that misbehave on request, and the gateway itself."""

import os

# Nothing leaves this machine, whatever proxy the environment names.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
