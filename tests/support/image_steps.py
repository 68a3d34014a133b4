"""The steps of `dagster_defs/deploy/Dockerfile` without a container tool, in a fresh folder and as an ordinary user.

    python tests/support/image_steps.py

A file that `COPY` forgets, an extra that the package does not have, a folder that the user may not write, a command or health check
that does not start: each fails here as it would in a container. What it cannot show: Debian's packages (`apt-get` is not run), the base image, and
that the libraries can be installed (they are those of this environment).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "dagster_defs" / "deploy"
#: The user that `useradd` of the Dockerfile makes.
_USER = 10001
#: Seconds until the code server must be healthy: twice what compose.yaml gives it to start.
_PATIENCE = 120


@dataclass
class Image:
    """What the steps have made so far: folders of the image lie under `root`.

    Attributes
    ----------
    root : pathlib.Path
        The image's `/`.
    workdir : str
        The folder of the image that commands run in.
    user : int or None
        The user that commands run as; None: whoever runs this.
    environment : dict of str to str
        What `ENV` has set.
    """

    root: Path
    workdir: str = "/"
    user: int | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def inside(self, path: str) -> Path:
        """A path of the image, on this machine."""
        return self.root / (path if path.startswith("/") else f"{self.workdir}/{path}").lstrip("/")

    @property
    def env(self) -> Path:
        """The environment that `pip` of the image installs into."""
        return self.root / "usr" / "local"

    def start(self, *words: str, **extra: str) -> subprocess.Popen[str]:
        """Start a command of the image."""
        environment = {
            "PATH": f"{self.env / 'bin'}:/usr/bin:/bin", "HOME": str(self.root / "home"), "LANG": "C.UTF-8",
            **{k: str(self.inside(v)) if v.startswith("/") else v for k, v in self.environment.items()}, **extra,
        }  # fmt: skip
        who = {"user": self.user, "group": self.user, "extra_groups": []} if self.user is not None else {}
        return subprocess.Popen(
            [str(self.env / "bin" / words[0]), *words[1:]], cwd=self.inside("."), env=environment, text=True, **who
        )  # type: ignore[call-overload, no-any-return]  # fmt: skip

    def run(self, *words: str, **extra: str) -> None:
        """Run a command of the image; it must succeed."""
        print("  $", shlex.join(words), flush=True)
        if code := self.start(*words, **extra).wait():
            raise SystemExit(f"{shlex.join(words)} ended with {code}")


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments."""
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word
    ]  # fmt: skip


def interpreter() -> str:
    """This Python, or one of the same version that the image's user may run: root's own lies where nobody else may look."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (os.path.realpath(sys.executable), f"/usr/bin/python{version}"):
        if os.geteuid() != 0 or _runs(candidate):
            return candidate
    raise SystemExit(
        f"the image's user may run no Python {version} of this machine; run this as an ordinary user"
    )


def _runs(candidate: str) -> bool:
    asked = [candidate, "-c", "import ensurepip"]
    try:
        return subprocess.run(asked, user=_USER, group=_USER, extra_groups=[], check=False).returncode == 0
    except OSError:
        return False


def copy(image: Image, argument: str) -> None:
    """`COPY`, from the checkout; what a build makes beside the sources stays behind."""
    *sources, target = [word for word in argument.split() if not word.startswith("--")]
    for source in sources:
        here, there = ROOT / source, image.inside(target)
        if here.is_dir():
            shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            there = there / here.name if target.endswith("/") else there
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, there)


def install(image: Image, command: str) -> None:
    """`pip install`: the package alone, from the copied files; its extras must exist, the libraries are this environment's."""
    words = shlex.split(command)
    (wanted,) = [word for word in words if word.startswith(".") and not word.startswith(".ci")]
    constraints = image.inside(words[words.index("-c") + 1])
    if not constraints.is_file():
        raise SystemExit(f"{constraints} was not copied")
    subprocess.run([interpreter(), "-m", "venv", image.env], check=True)
    python = str(image.env / "bin" / "python")
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-deps", "."], cwd=image.inside("."), check=True
    )
    base = {"base": str(image.env), "platbase": str(image.env)}
    site = Path(sysconfig.get_path("purelib", "venv", base))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    for script in ("dagster", "dagster-webserver", "dagster-daemon"):
        module = {
            "dagster": "dagster",
            "dagster-webserver": "dagster_webserver",
            "dagster-daemon": "dagster._daemon",
        }
        starter = image.env / "bin" / script
        starter.write_text(f'#!/bin/sh\nexec "{python}" -m {module[script]} "$@"\n', encoding="utf-8")
        starter.chmod(0o755)
    (found,) = (
        found for found in site.glob("routing_etl-*.dist-info") if found.is_dir()
    )  # the image's, not the checkout's
    offered = set(distribution("routing_etl").at(found).metadata.get_all("Provides-Extra") or ())
    asked = set(re.search(r"\[(.*)\]", wanted)[1].split(","))  # type: ignore[index]
    if asked - offered:
        raise SystemExit(f"extras that the package does not have: {sorted(asked - offered)}")


def run_step(image: Image, argument: str) -> None:
    """`RUN`, as far as an ordinary machine can do it."""
    for command in (part.strip() for part in argument.split("&&")):
        words = shlex.split(command)
        if words[:2] == ["pip", "install"]:
            install(image, command)
        elif words[0] == "mkdir":
            for folder in words[1:]:
                if folder.startswith("/"):
                    image.inside(folder).mkdir(parents=True, exist_ok=True)
        elif words[0] == "chown":
            for folder in words[2:]:
                own(image.inside(folder))
        else:
            print(f"  (not run here: {command})")


def own(folder: Path) -> None:
    """A folder of the image's user; only root can give it away."""
    if os.geteuid() == 0:
        os.chown(folder, _USER, _USER)


def build(image: Image) -> list[str]:
    """Do the steps; the command of the image is returned."""
    command: list[str] = []
    for word, argument in instructions((DEPLOY / "Dockerfile").read_text(encoding="utf-8")):
        print(word, argument[:100], flush=True)
        if word == "WORKDIR":
            image.workdir = argument
            image.inside(".").mkdir(parents=True)
        elif word == "COPY":
            copy(image, argument)
        elif word == "RUN":
            run_step(image, argument)
        elif word == "USER":
            if not argument.isdigit() or argument == "0":
                raise SystemExit(f"USER {argument}: must be a number other than 0")
            image.user = int(argument) if os.geteuid() == 0 else None
        elif word == "ENV":
            image.environment |= dict(pair.split("=", 1) for pair in shlex.split(argument))
        elif word == "CMD":
            command = yaml.safe_load(argument)
    return command


def free_port() -> str:
    """A port that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def healthy(image: Image, command: list[str], check: list[str]) -> None:
    """Start the image's command and wait until compose.yaml's health check is content with it."""
    port = free_port()
    words, asked = ([port if word == "4000" else word for word in line] for line in (command, check))
    print("  $", shlex.join(words), flush=True)
    server = image.start(*words)
    try:
        end = time.monotonic() + _PATIENCE
        while image.start(*asked).wait():
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the health check never passed: {shlex.join(asked)}")
            time.sleep(2)
    finally:
        server.terminate()
        try:
            server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # a caller may have left SIGTERM ignored
            server.kill()
            server.wait()
    print("  healthy:", shlex.join(asked))


def main() -> None:
    """Build, then do what compose.yaml does with the image."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    with tempfile.TemporaryDirectory(prefix="image_steps_") as place:
        Path(place).chmod(0o755)
        image = Image(Path(place))
        (image.root / "home").mkdir()
        own(image.root / "home")
        command = build(image)
        image.run("routing-etl", "--version")
        image.run(*compose["migrate"]["command"])
        # Dagster's own storage is PostgreSQL in compose.yaml; the embedded one of an empty folder stands in for it.
        image.inside("/opt/dagster/dagster.yaml").unlink()
        healthy(image, command, compose["code"]["healthcheck"]["test"][1:])
        if not any(image.inside("/data").iterdir()):
            raise SystemExit("nothing was written to /data")


if __name__ == "__main__":
    main()
