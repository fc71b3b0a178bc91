"""The tests block the network: in this process, and in every one that they start."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import urllib.request

import pytest
import sitecustomize


def connect(method: str, address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(5)
        getattr(s, method)(address)


def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"hello", address)


OUTSIDE = {
    "connect": lambda: connect("connect", ("192.0.2.1", 80)),
    "connect to bytes": lambda: connect("connect", (b"192.0.2.1", 80)),
    "connect_ex": lambda: connect("connect_ex", ("192.0.2.1", 80)),
    "connect, IPv6": lambda: connect("connect", ("2001:db8::1", 80), socket.AF_INET6),
    "a name that looks like loopback": lambda: connect("connect", ("127.example.com", 80)),
    "create_connection": lambda: socket.create_connection(("example.com", 80), timeout=5),
    "getaddrinfo": lambda: socket.getaddrinfo("example.com", 80),
    "gethostbyname": lambda: socket.gethostbyname("example.com"),
    "gethostbyaddr": lambda: socket.gethostbyaddr("192.0.2.1"),
    "sendto": lambda: send(("192.0.2.1", 53)),
    "asyncio": lambda: asyncio.run(asyncio.wait_for(asyncio.open_connection("192.0.2.1", 80), 5)),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_outside_is_blocked_at_once(name):
    with pytest.raises(sitecustomize.NetworkBlocked):
        OUTSIDE[name]()


def test_urllib_is_blocked(monkeypatch):
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    with pytest.raises(OSError, match="block the network"):
        urllib.request.urlopen("https://192.0.2.1/", timeout=5)


def test_every_new_process_is_guarded():
    program = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "NetworkBlocked" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_stays_reachable(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect("connect", (host, server.getsockname()[1]))


def test_other_sockets_still_work():
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"hello")
        assert other.recv(10) == b"hello"
    with contextlib.suppress(AttributeError), socket.socket(socket.AF_UNIX) as s:  # Windows has none
        with pytest.raises(OSError) as caught:
            s.connect("no such socket")
        assert not isinstance(caught.value, sitecustomize.NetworkBlocked)


def test_installing_it_twice_does_no_harm():
    before = socket.socket.connect, socket.getaddrinfo
    sitecustomize.install()
    assert (socket.socket.connect, socket.getaddrinfo) == before
