"""What the tests put around the real Envoy: providers that misbehave on request, and the gateway itself."""
