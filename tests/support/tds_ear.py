"""A listener that answers a SQL Server client just well enough to hear how it logs in and what it says first.

It takes every login, answers every batch with "done", and keeps what it heard. (TDS 7.4: [MS-TDS] 2.2.)
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_BATCH, _LOGIN, _PRELOGIN, _REPLY = 1, 16, 18, 4
_NAMES = ("host", "user", "password", "program", "server", "extension", "library", "language", "database")
_DONE = b"\xfd" + struct.pack("<HHQ", 0, 0, 0)


@dataclass
class Heard:
    """What clients said: the texts of each login, and every batch."""

    port: int = 0
    logins: list[dict[str, str]] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Heard]:
    """Listen on the loopback interface for as long as the block lasts."""
    heard = Heard()
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard.port = server.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(server, heard), daemon=True)
        thread.start()
        yield heard


def _serve(server: socket.socket, heard: Heard) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=_answer, args=(client, heard), daemon=True).start()


def _answer(client: socket.socket, heard: Heard) -> None:
    with client, suppress(OSError):
        while (message := _message(client)) is not None:
            kind, body = message
            if kind == _PRELOGIN:
                client.sendall(_packet(_options((0, bytes(6)), (1, b"\x02"))))  # 2: no encryption
            elif kind == _LOGIN:
                heard.logins.append(_login(body))
                client.sendall(_packet(_welcome() + _DONE))
            else:
                if kind == _BATCH:
                    (headers,) = struct.unpack_from("<I", body)
                    heard.batches.append(body[headers:].decode("utf-16le"))
                client.sendall(_packet(_DONE))


def _packet(body: bytes) -> bytes:
    return struct.pack(">BBHHBB", _REPLY, 1, 8 + len(body), 0, 1, 0) + body


def _message(client: socket.socket) -> tuple[int, bytes] | None:
    body = b""
    while True:
        head = _exactly(client, 8)
        if head is None:
            return None
        kind, status, length = struct.unpack_from(">BBH", head)
        body += _exactly(client, length - 8) or b""
        if status & 1:
            return kind, body


def _exactly(client: socket.socket, length: int) -> bytes | None:
    found = b""
    while len(found) < length:
        part = client.recv(length - len(found))
        if not part:
            return None
        found += part
    return found


def _options(*options: tuple[int, bytes]) -> bytes:
    head, data, start = b"", b"", 5 * len(options) + 1
    for number, value in options:
        head += struct.pack(">BHH", number, start + len(data), len(value))
        data += value
    return head + b"\xff" + data


def _login(body: bytes) -> dict[str, str]:
    found = {}
    for number, name in enumerate(_NAMES):
        start, length = struct.unpack_from("<HH", body, 36 + 4 * number)
        found[name] = body[start : start + 2 * length].decode("utf-16le", "replace")
    return found


def _welcome() -> bytes:
    program = "Microsoft SQL Server".encode("utf-16le")
    accepted = b"\x01\x74\x00\x00\x04" + bytes([len(program) // 2]) + program + bytes([16, 0, 0, 0])
    sizes = [bytes([len(size)]) + size.encode("utf-16le") for size in ("8192", "4096")]
    changes = (
        b"\x01\x06" + "master".encode("utf-16le") + b"\x00",
        b"\x07\x05\x09\x04\xd0\x00\x34\x00",  # collation
        b"\x04" + b"".join(sizes),  # size of packets
    )
    tokens = b"\xad" + struct.pack("<H", len(accepted)) + accepted
    return tokens + b"".join(b"\xe3" + struct.pack("<H", len(change)) + change for change in changes)
