"""A push service and a browser behind it: a real HTTP server that reads what only the browser can read."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def text(value: bytes) -> str:
    """Bytes as browsers write them."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Browser:
    """One browser's pair of keys and secret, and where its pushes go."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)

    @property
    def said(self) -> dict[str, str]:
        """What the browser gives to the page."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "p256dh": text(point), "auth": text(self.secret)}

    def read(self, body: bytes) -> dict[str, Any]:
        """A push as the browser's worker reads it."""
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"))


class PushService(ThreadingHTTPServer):
    """Takes pushes; `answers` are used up in turn, then it is 201: a status, "cut" for a connection that breaks, or
    "endless" for a push that is taken with an answer that never comes to its end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Counter)
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int | str] = []

    def browser(self, name: str = "phone") -> Browser:
        """A browser whose pushes come here."""
        return Browser(f"http://127.0.0.1:{self.server_port}/push/{name}")


class _Counter(BaseHTTPRequestHandler):
    server: PushService

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.answers.pop(0) if self.server.answers else 201
        if answer == "cut":
            self.close_connection = True
            return
        endless = answer == "endless"
        answer = 201 if endless else answer
        if answer == 201:
            self.server.taken.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(int(answer))
        if 300 <= int(answer) < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "1000" if endless else "0")
        self.end_headers()
        if endless:
            self.rfile.read(1)  # until the other side goes
            self.close_connection = True


@contextmanager
def push_service() -> Iterator[PushService]:
    """A push service that answers meanwhile."""
    service = PushService()
    thread = threading.Thread(target=service.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield service
    service.shutdown()
    thread.join(10)
    service.server_close()
