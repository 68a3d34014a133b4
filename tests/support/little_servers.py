"""A chat system's webhook and a mail server on this machine: they take what is sent and keep it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    """Let a server work for the block; its port."""
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def webhook(answer: int, got: list[bytes], place: str | None = None) -> HTTPServer:
    """A webhook that answers with this status, and sends the caller elsewhere where a place is given."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(answer)
            if place is not None:
                self.send_header("Location", place)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return HTTPServer(("127.0.0.1", 0), Hook)


def mail_server(got: list[str]) -> socketserver.TCPServer:
    """A mail server that keeps every line it is sent."""

    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            body = False
            for raw in self.rfile:
                line = raw.decode("utf-8").rstrip("\r\n")
                got.append(line)
                if body:
                    body = line != "."
                    answer = None if body else b"250 kept\r\n"
                elif line.upper() == "DATA":
                    body, answer = True, b"354 go on\r\n"
                elif line.upper().startswith("QUIT"):
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    answer = b"250 ok\r\n"
                if answer:
                    self.wfile.write(answer)

    return socketserver.TCPServer(("127.0.0.1", 0), Mail)
