"""A proxy between us and a database, to cut the connection at a chosen moment."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Forwards bytes both ways until told to cut.

    `watch`: called with each block of bytes that goes to the server; when it returns True the block is forwarded, the
    server's answer to it is awaited, and the connection is cut before the answer reaches the client.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self.watch: Callable[[bytes], bool] | None = None
        self.cuts = 0
        self.refusing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, refuse: bool = False) -> None:
        """Cut every open connection; with `refuse`, new ones too, until `restore`."""
        self.refusing = refuse
        with self._lock:
            pairs, self._pairs = self._pairs, []
        self.cuts += 1
        for pair in pairs:
            _close(*pair)

    def restore(self) -> None:
        """Let new connections through again."""
        self.refusing = False

    def close(self) -> None:
        """End."""
        self.cut(refuse=True)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                _close(client)
                continue
            server = socket.create_connection(self._target)
            with self._lock:
                self._pairs.append((client, server))
            lost = threading.Event()
            for source, sink, up in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, up, lost), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, up: bool, lost: threading.Event) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if up and self.watch is not None and self.watch(data):
                    self.watch = None
                    lost.set()
                elif not up and lost.is_set():
                    self.cut()
                    return
                sink.sendall(data)
        _close(source, sink)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            each.close()


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """A running proxy."""
    made = Proxy(host, port)
    try:
        yield made
    finally:
        made.close()


class ProxyProcess:
    """A proxy in a process of its own, for drivers that keep Python's lock while they wait for the server's answer:
    pyodbc does so when it asks for the types of parameters, and a proxy in the same process would never bring it."""

    def __init__(self, host: str, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, host, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._answer())
        self.cuts = 0

    def cut(self, *, refuse: bool = False) -> None:
        """Cut every open connection; with `refuse`, new ones too, until `restore`."""
        self._say("cut refuse" if refuse else "cut")
        self.cuts += 1

    def restore(self) -> None:
        """Let new connections through again."""
        self._say("restore")

    def close(self) -> None:
        """End."""
        self._process.kill()
        self._process.communicate()

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        assert self._answer() == "done"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def proxy_process(host: str, port: int) -> Iterator[ProxyProcess]:
    """A running proxy in a process of its own."""
    made = ProxyProcess(host, port)
    try:
        yield made
    finally:
        made.close()


def _serve(host: str, port: int) -> None:
    """Obey the commands that come in."""
    made = Proxy(host, port)
    sys.stdout.write(f"{made.port}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.startswith("cut"):
            made.cut(refuse="refuse" in line)
        else:
            made.restore()
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
