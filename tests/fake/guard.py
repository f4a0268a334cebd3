"""A guard beside the gateway that says what its path asks for: quickly, slowly, wrongly or not at all.

The path is a list of words: `/allow`, `/block`, `/mask`, `/unsafe`, `/flag`, `/find`, `/forbidden` (it objects to that word), with
`slow` or `slower`, and the bad ones `500`, `html`, `empty`, `number`, `cut`, `hang`, `long`.
"""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAUSES = {"slow": 0.3, "slower": 1}  # seconds
SLOWER = PAUSES["slower"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        guard = self.server.guard
        guard.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
        for word in self.path.strip("/").split("/"):
            if word in PAUSES:
                time.sleep(PAUSES[word])
            elif word == "hang":
                guard.stopped.wait(20)
            elif word == "cut":
                self.send_response(200)
                self.send_header("content-length", "100")
                self.end_headers()
                self.wfile.write(b"{")
                self.close_connection = True
                return
            else:
                self.answer(word, json.loads(body))

    def answer(self, word, asked):
        texts = asked.get("texts") or asked.get("input") or asked.get("text") or []
        masked = [text.replace("Ann", "***") for text in texts]
        judged = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "unsafe\nS1"}}]}
        person = {"entity_type": "PERSON", "score": 0.85}
        found = [[person | {"start": at.start(), "end": at.end()} for at in re.finditer("Ann", text)] for text in texts]
        flags = [{"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}] * len(texts)
        status, answer = {
            "allow": (200, {"action": "allow"}),
            "block": (200, {"action": "block", "reason": "no"}),
            "forbidden": (200, {"action": "block" if "forbidden" in "".join(texts) else "allow"}),
            "mask": (200, {"action": "mask", "texts": masked}),
            "unsafe": (200, judged),
            "flag": (200, {"results": flags}),
            "find": (200, found),
            "500": (500, {"action": "allow"}),
            "html": (200, "<html>allow</html>"),
            "empty": (200, ""),
            "number": (200, {"action": "mask", "texts": ["x"] * 99}),
            "long": (200, {"action": "allow", "more": "x" * (5 << 20)}),
        }[word]
        content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # the gateway does not wait any more


class Guard:
    """One guard on 127.0.0.1, until `stop`."""

    def __init__(self):
        self.seen, self.stopped = [], threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.guard = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def asked(self, marker):
        """What was asked with this text: path, headers, body."""
        return [seen for seen in list(self.seen) if marker in json.dumps(seen[2])]

    def stop(self):
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
