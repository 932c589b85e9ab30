"""`autologin healthcheck`: what a container asks again and again. It must be quick, and never wrong about who is alive."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from autologin.cli.commands import healthcheck
from autologin.config.schema import Http

LOADED = "import sys; from autologin.cli.main import main\ntry: main()\nfinally: sys.stderr.write('|' + ' '.join(sys.modules))"
LIGHT = {
    *(
        "autologin",
        "autologin.cli",
        "autologin.cli.core_dumps",
        "autologin.cli.main",
        "autologin.cli.base",
        "autologin.cli.errors",
        "autologin.cli.streams",
    ),
    *(
        "autologin.cli.commands",
        "autologin.cli.commands.healthcheck",
        "autologin.errors",
        "autologin.quoting",
        "autologin.redaction",
    ),
}


def asked(folder, *words, code="from autologin.cli.main import main; main()"):
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, "-c", code, "healthcheck", *words]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env=environ, timeout=30
    )


@pytest.fixture
def service():
    """Answers what a test says; gives its address."""
    answers = {
        "/livez": (200, b"alive\n"),
        "/readyz": (503, b'{"ready":false,\n"accounts":{}}\x1b[31m'),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_service_that_is_alive(tmp_path, service):
    done = asked(tmp_path, "--url", f"{service}/livez")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"{service}/livez answers 200: alive\n",
        "",
    )


def test_a_service_that_is_not_ready_in_one_line(tmp_path, service):
    done = asked(tmp_path, "--url", f"{service}/readyz")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f'{service}/readyz answers 503: {{"ready":false, "accounts":{{}}}} [31m\n'


def test_nobody_there(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/livez"
        done = asked(tmp_path, "--url", url)
    assert (done.returncode, done.stderr) == (
        1,
        f"{url} cannot be asked: [Errno 111] Connection refused\n",
    )


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "livez",
        "ftp://127.0.0.1/",
        "http://",
        "http://127.0.0.1:x/",
        "http://[::1/",
        "http://a\nb/",
    ],
)
def test_no_address_is_1_and_not_2_which_docker_keeps_for_itself(tmp_path, url):
    done = asked(tmp_path, f"--url={url}")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be asked" in done.stderr


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(healthcheck, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        alive, detail = healthcheck.ask(f"http://127.0.0.1:{deaf.getsockname()[1]}/livez")
    assert not alive
    assert detail.endswith("cannot be asked: timed out")


def test_a_server_that_speaks_something_else(service):
    def babble(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-x\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as other:
        thread = threading.Thread(target=babble, args=(other,))
        thread.start()
        alive, detail = healthcheck.ask(f"http://127.0.0.1:{other.getsockname()[1]}/livez")
        thread.join()
    assert not alive
    assert "cannot be asked: SSH-2.0-x" in detail


def test_without_an_address_the_default_of_the_config_is_asked():
    assert f"http://{Http().listen}/livez" == healthcheck.URL


def test_it_imports_nothing_but_click_and_a_client(tmp_path, service):
    done = asked(tmp_path, "--url", f"{service}/livez", code=LOADED)
    loaded = set(done.stderr.partition("|")[2].split())
    assert {name for name in loaded if name.split(".")[0] == "autologin"} == LIGHT
    heavy = {
        "pydantic",
        "yaml",
        "httpx",
        "loguru",
        "asyncio",
        "sqlite3",
        "starlette",
        "prometheus_client",
        "jinja2",
        "uvicorn",
    }
    assert loaded & heavy == set()
    assert list(tmp_path.iterdir()) == [], "no config is looked for, and nothing is written"


def test_it_starts_almost_as_fast_as_click(tmp_path, service):
    """By the processor's time, in turns: a machine that is busy with other things slows both alike."""

    def spent(code, *words):
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", code, *words], check=True, capture_output=True, cwd=tmp_path
        )
        after = os.times()
        return (
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )

    ours = (
        "from autologin.cli.main import main; main()",
        "healthcheck",
        "--url",
        f"{service}/livez",
    )
    pairs = [(spent("import click"), spent(*ours)) for _ in range(7)]
    bare, whole = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert whole <= bare * 1.5 + 0.06, (bare, whole)
