"""Blocks the network in every Python process that the tests start: this folder stands first on PYTHONPATH.

Kernels talk to the tests over the loopback addresses, which stay open; everything else raises at once.
"""

import ipaddress
import socket

LOOPBACK = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "", None}


class NetworkBlocked(OSError):
    """A lesson or a test wanted the network, which no default path may need."""


def _check(host) -> None:
    name = host.decode() if isinstance(host, bytes | bytearray) else host
    if name in LOOPBACK:
        return
    try:
        here = ipaddress.ip_address(name).is_loopback
    except ValueError:  # a name
        here = False
    if not here:
        raise NetworkBlocked(f"The tests block the network, and something asked for {name!r}.")


def _guard(name: str) -> None:
    original = getattr(socket.socket, name)

    def guarded(self, *arguments):
        address = arguments[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            _check(address[0])
        return original(self, *arguments)

    setattr(socket.socket, name, guarded)


def _guard_lookup(name: str) -> None:
    original = getattr(socket, name)

    def guarded(host, *arguments, **options):
        _check(host)
        return original(host, *arguments, **options)

    setattr(socket, name, guarded)


def install() -> None:
    """Guards connections, datagrams and name look-ups; twice does no harm."""
    if getattr(socket, "imagegen_guarded", False):
        return
    socket.imagegen_guarded = True
    for name in ("connect", "connect_ex", "sendto"):
        _guard(name)
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        _guard_lookup(name)


install()
