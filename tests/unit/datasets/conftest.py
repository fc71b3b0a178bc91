"""What the tests of the data sets share: no network, a cache of their own, and a server that misbehaves."""

import http.server
import socket
import threading

import pytest


@pytest.fixture
def no_network(monkeypatch):
    def blocked(*_):
        raise AssertionError("something asked for the network")

    monkeypatch.setattr(socket.socket, "connect", blocked)
    monkeypatch.setattr(socket, "getaddrinfo", blocked)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives what `Server.files` holds under the address; its first folder says how it misbehaves."""

    def do_GET(self):
        _, manner, name = self.path.split("/", 2)
        data = self.server.files.get(name)
        if manner == "silent":
            return self.server.over.wait(60)  # until the test is over
        if data is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            data = {"half": data[: len(data) // 2], "changed": data[:-1] + b"x"}.get(manner, data)
            self.wfile.write(data)
        return None

    do_HEAD = do_GET  # torchvision asks first whether the address has moved

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """A server on this machine: `server.files[name]` is found under `server.url`/good/name, /half/name, …"""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.url = {}, f"http://127.0.0.1:{server.server_port}"
        server.over = threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()
