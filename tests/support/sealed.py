"""A program in a network namespace of its own, in which nothing but this machine exists; the kernel counts what looks for a way out.

What a guard in Python cannot see is counted too: libraries in C, such as gRPC and database drivers, and other programs. Names
are resolved from a list that has this machine only, and a name server that cannot be reached.

    python sealed.py COUNTS PROGRAM      within `unshare`; `run` starts it
"""

from __future__ import annotations

import fcntl
import json
import os
import runpy
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

#: ioctl that sets the flags of a network device, and the flags "up" and "running" (netdevice(7)).
_SET_FLAGS, _UP = 0x8914, 0x1 | 0x40
_FILES = {"hosts": "127.0.0.1 localhost {host}\n", "resolv.conf": "nameserver 192.0.2.53\n"}


class NoNamespaceError(Exception):
    """This machine gives an ordinary process no network namespace."""


def run(
    program: Path, folder: Path, environment: dict[str, str]
) -> tuple[subprocess.CompletedProcess[bytes], int]:
    """Run a Python program; returns how it ended, and how many packets and connections found no way to another machine.

    Parameters
    ----------
    program : Path
        The program; it may start others.
    folder : Path
        Where it works, and where what it needs is written.
    environment : dict of str to str
        All of its variables.

    Raises
    ------
    NoNamespaceError
        The kernel, or a container around us, does not allow one; says what it answered.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        raise NoNamespaceError("the program unshare is not installed (Debian: util-linux)")
    counts, files = folder / "counts.json", folder / "etc"
    files.mkdir()
    for name, text in _FILES.items():
        (files / name).write_text(text.format(host=socket.gethostname()), encoding="ascii")
    mounts = " && ".join(f"mount --bind {files / name} /etc/{name}" for name in _FILES)
    own = [unshare, "--map-root-user", "--net", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]
    tried = subprocess.run([*own, "true"], capture_output=True, text=True, check=False, timeout=60)
    if tried.returncode:
        raise NoNamespaceError(f"unshare: {tried.stderr.strip()}")
    done = subprocess.run(
        [*own, sys.executable, __file__, str(counts), str(program)],
        cwd=folder, env=environment, capture_output=True, timeout=900, check=False,
    )  # fmt: skip
    return done, json.loads(counts.read_text(encoding="ascii"))


def _ways_out() -> int:
    """Packets and connections of this namespace for which the kernel had no route, of both families."""
    heads, values = (
        line.split()
        for line in Path("/proc/net/snmp").read_text("ascii").splitlines()
        if line.startswith("Ip:")
    )
    found = int(dict(zip(heads, values, strict=True))["OutNoRoutes"])
    six = Path("/proc/net/snmp6")
    lines = six.read_text("ascii").splitlines() if six.exists() else []
    return found + sum(int(line.split()[1]) for line in lines if line.startswith("Ip6OutNoRoutes"))


def _within(counts: Path, program: str) -> None:
    """Bring the loopback device up, run the program, and leave the count."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP))
    try:
        sys.argv = [program]
        runpy.run_path(program, run_name="__main__")
    finally:
        counts.write_text(json.dumps(_ways_out()), encoding="ascii")


if __name__ == "__main__":
    sys.path[:] = [place for place in sys.path if Path(place or os.curdir).resolve() != Path(__file__).parent]
    sys.path.insert(0, str(Path(__file__).parent))
    _within(Path(sys.argv[1]), sys.argv[2])
