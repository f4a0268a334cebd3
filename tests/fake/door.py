"""What a provider asks of a request before it reads it: one key in its form, the whole path, the method, JSON that says so.

Source: the providers' API references, read 2026-11; tests/lint/test_providers.py holds `key_form` and envoy/providers
against one another.
"""

import re

KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
# The header of a key and what stands before it, for those who do not have it as OpenAI.
KEYS = {"anthropic": ("x-api-key", ""), "azure": ("api-key", ""), "gemini": ("x-goog-api-key", "")}
BASES = {
    "openai": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
    "bedrock": "/model",
    "cohere": "/v2",
    "mistral": "/v1",
    "groq": "/openai/v1",
    "azure": r"/openai/(v1|deployments/[^/]+)",
}


def key_form(dialect: str) -> tuple[str, str]:
    """The header of a dialect's key, and what stands before it."""
    return KEYS.get(dialect, ("authorization", "Bearer "))


class Refusal(Exception):
    """What a real provider would not have answered, and the status that it would have had."""

    def __init__(self, status: int, why: str):
        super().__init__(f"{status}: {why}")
        self.status = status


class Door:
    """The entrance of one provider; `base` is what its paths begin with, where that is its own."""

    def __init__(self, dialect: str, base: str | None = None):
        self.family = dialect if dialect in ("anthropic", "gemini", "bedrock", "cohere") else "openai"
        self.header, self.prefix = key_form(dialect)
        # Bedrock takes keys as well as signatures.
        self.forms = (self.prefix, "AWS4-HMAC-SHA256 ") if dialect == "bedrock" else (self.prefix,)
        self.base = re.escape(base) if base else BASES[dialect]

    def beyond(self, path: str) -> str:
        """The path behind the base, without a query."""
        path = path.partition("?")[0]
        if not (found := re.match(f"(?:{self.base})(?=/)", path)):
            raise Refusal(404, f"{path} does not begin with {self.base}")
        return path[found.end() :]

    def check_key(self, seen) -> None:
        lines = [line.partition(":") for line in seen.head.decode("latin-1").split("\r\n")[1:]]
        keys = [(name.lower(), value.strip()) for name, _, value in lines if name.lower() in KEY_HEADERS]
        names = [name for name, _ in keys]
        if names != [self.header] or not any(re.fullmatch(f"{form}\\S.*", keys[0][1]) for form in self.forms):
            raise Refusal(401, f"one key is asked for, as `{self.header}: {self.prefix}...`; these have come: {names}")

    def check_json(self, seen) -> None:
        if seen.method != "POST":
            raise Refusal(405, f"{seen.method} {seen.path}")
        if (kind := seen.headers.get("content-type")) != "application/json":
            raise Refusal(415, f"{seen.path} with content-type {kind}")
