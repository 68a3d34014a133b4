"""Python imports this at its start when its folder is on PYTHONPATH: every call to another machine is noted and refused.

It holds for the process and for every Python process that it starts. The notes go into the file `NETWORK_LOG`.
"""

import contextlib
import errno
import ipaddress
import os
import socket
import sys
import traceback

_OWN = {"", "localhost", "localhost.localdomain", socket.gethostname()}


def _is_here(host: object) -> bool:
    """Whether it names this machine."""
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name.lower() in _OWN:
        return True
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name.partition("%")[0])
        return address.is_loopback or address.is_unspecified
    return False


def _refuse(what: str, host: object) -> None:
    if _is_here(host):
        return
    stack = "".join(traceback.format_stack(limit=14)[:-2])
    with open(os.environ["NETWORK_LOG"], "a", encoding="utf-8") as log:  # noqa: PTH123
        log.write(f"{what} {host!r} by {sys.argv[:3]}\n{stack}\n")
    raise OSError(errno.ENETUNREACH, f"{what} {host!r}: this test has no network")


def _guarded(name: str, real: object, place: int) -> object:
    """A function of `socket` whose argument at this place is a host, or an address that begins with one."""

    def call(*args: object, **kwargs: object) -> object:
        target = args[place] if len(args) > place else kwargs.get("host")
        if isinstance(target, tuple):
            target = target[0]
            _refuse(name, target)
        elif name not in ("connect", "connect_ex", "sendto"):  # a string there is the path of a local socket
            _refuse(name, target)
        return real(*args, **kwargs)  # type: ignore[operator]

    return call


for _name in ("connect", "connect_ex"):
    setattr(socket.socket, _name, _guarded(_name, getattr(socket.socket, _name), 1))
_sendto = socket.socket.sendto


def _guarded_sendto(self: socket.socket, *args: object) -> int:
    if isinstance(args[-1], tuple):
        _refuse("sendto", args[-1][0])
    return _sendto(self, *args)  # type: ignore[call-overload]


socket.socket.sendto = _guarded_sendto  # type: ignore[method-assign,assignment]
for _name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
    setattr(socket, _name, _guarded(_name, getattr(socket, _name), 0))
