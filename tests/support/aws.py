"""Servers that speak the protocol of AWS: moto's, and one that answers what a test tells it to."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

REGION = "ap-south-1"


@contextmanager
def moto():
    """moto's server on loopback, empty; gives its address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        from moto.moto_api._internal import moto_api_backend

        moto_api_backend.reset()
        server.stop()


class Scripted(BaseHTTPRequestHandler):
    """Answers calls in turn: (status, JSON). The last answer holds for ever."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.headers["X-Amz-Target"].split(".")[-1], json.loads(body)))
        answers = self.server.answers
        status, data = answers.pop(0) if len(answers) > 1 else answers[0]
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Nothing is printed."""


@contextmanager
def scripted(*answers):
    """A server that gives these answers; its `calls` are the operations with what was sent, its `url` the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.answers, server.calls = list(answers), []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def refusal(code, message="", status=400):
    """AWS says no."""
    return status, {"__type": code, "message": message}


@pytest.fixture
def credentials(monkeypatch):
    """Credentials in the environment and nowhere else; no region."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    nowhere = {
        "AWS_CONFIG_FILE": "none",
        "AWS_SHARED_CREDENTIALS_FILE": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "aws-secret-canary",
        **nowhere,
    }.items():
        monkeypatch.setenv(name, value)
