"""Makes `docs/walk.md` and its pictures again: from a clone to the UI, as a newcomer does it, recorded.

    python tests/support/recorded_walk.py [PLACE]

It clones this checkout, installs it into an environment of its own (from the package index), runs the demo at the product's own settings and
looks at what came out with Chromium, and runs two more nights: ten minutes of a quiet machine. What a command said is kept in PLACE, so that an interrupted walk goes
on where it was. Dates, versions made of them, seconds and folders differ each time and are replaced.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from browser import Browser, chromium

ROOT = Path(__file__).resolve().parents[2]
PAGE, IMAGES = ROOT / "docs" / "walk.md", ROOT / "docs" / "images"
#: Items of the demo's plant: enough for a model that knows something, few enough for a walk.
ITEMS = 1000
#: Most lines of one output on the page; of a longer one the first and the last are shown.
_FIRST, _LAST = 40, 12

HEAD = f"""# A recorded walk

From nothing to a published night and what people see of it. Each block is what a command said on a Linux machine with Python 3.11, and each
picture what Chromium showed; `tests/support/recorded_walk.py` did it and made this page, with dates, seconds and folders replaced
(`DATE`, `N s`, `~`). The plant has {ITEMS:,} items; without `--items` it has 5,000, and a model of so few knows little: look at how it
says so.
"""

#: What is said, by whose hand; the pictures that follow.
STEPS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("Get it and install it", "git clone REPOSITORY routing_etl && cd routing_etl", ()),
    ("", 'python3 -m venv .venv && .venv/bin/pip install -e ".[ui]"', ()),
    ("A plant, and its night", f"routing-etl demo --items {ITEMS}", ()),
    ("Is it good?", "routing-etl status", ()),
    (
        "One item, as a process engineer sees it", "routing-etl predict 'ITEM' --html item.html",
        (("walk-sheet", "An item's sheet: drawing data, candidates side by side, what speaks for each"),),
    ),
    (
        "What waits for a routing", "routing-etl worklist",
        (("walk-worklist-phone", "The worklist at the width of a phone"),),
    ),
    (
        "The week, for whoever is responsible", "routing-etl report --out report.html",
        (("walk-report", "The weekly report: what to do, quality, nights"),),
    ),
    (
        "The next night, where the output knows Korean and no check mark",
        "PYTHONIOENCODING=cp949 routing-etl run > night.txt; echo \"exit $?\"; iconv -f cp949 -t utf-8 night.txt",
        (),
    ),
    (
        "The same as on Windows: no module of POSIX, no file replaced while it is open",
        "PYTHONPATH=tests/support/like_windows routing-etl run; echo \"exit $?\"",
        (),
    ),
    (
        "The night in Dagster", "routing-etl ui",
        (("walk-ui", "Dagster's catalogue after the demo: what the night of the command line made, and when"),),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Walk:
    """Where it is done: `place` holds the clone and what commands said."""

    place: Path

    @property
    def clone(self) -> Path:
        """The fresh checkout."""
        return self.place / "routing_etl"

    def environment(self) -> dict[str, str]:
        """A newcomer's: no setting of ours, the new environment first on the path."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("ROUTING_ETL_", "PYTHON", "DAGSTER_"))
        }
        return kept | {"PATH": f"{self.clone / '.venv/bin'}:{os.environ['PATH']}", "COLUMNS": "110"}

    def said(self, number: int, command: str) -> str:
        """What a command said, now or in an interrupted walk before."""
        kept = self.place / f"{number}.txt"
        if not kept.is_file():
            real = command.replace("REPOSITORY", f"--quiet file://{ROOT}").replace("ITEM'", f"{self.item()}'")
            folder = self.place if number == 0 else self.clone
            done = subprocess.run(
                real, shell=True, cwd=folder, env=self.environment(), text=True, stdout=subprocess.PIPE, check=True
            )  # fmt: skip
            kept.write_text(done.stdout, encoding="utf-8")
        return kept.read_text(encoding="utf-8")

    def item(self) -> str:
        """The item that the demo offers to look at."""
        demo = self.place / "2.txt"
        found = re.search(r"predict '([^']+)'", demo.read_text(encoding="utf-8")) if demo.is_file() else None
        return found[1] if found else "ITEM"

    def plain(self, text: str) -> str:
        """A text without what differs each time."""
        text = text.replace(str(self.clone), "~/routing_etl").replace(str(self.place), "~")
        text = re.sub(r"(version|run|dagster)_\d{8}T?\d{6,12}", r"\1_DATE", text)
        text = re.sub(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?", "DATE", text)
        return re.sub(r"\b\d+\.\d+ s\b", "N s", text)


def block(command: str, text: str) -> str:
    """A command and what it said, as Markdown; long outputs without their middle."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    if len(lines) > _FIRST + _LAST:
        left = len(lines) - _FIRST - _LAST
        lines = [*lines[:_FIRST], f"... ({left} lines left out)", *lines[-_LAST:]]
    return "\n".join(["```text", f"$ {command}", *lines, "```"])


def shoot(browser: Browser, url: str, name: str, width: int, height: int) -> None:
    """A picture of a page at a width."""
    browser.driver.set_window_size(width, height)
    browser.driver.get(url)
    time.sleep(10 if url.startswith("http") else 1)
    browser.driver.save_screenshot(str(IMAGES / f"{name}.png"))


def pictures(walk: Walk) -> str:
    """All pictures; returns what `routing-etl ui` said."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    home = walk.clone / ".routing_etl"
    errors = walk.place / "ui.txt"
    with errors.open("w", encoding="utf-8") as stream:
        server = subprocess.Popen(
            ["routing-etl", "ui", "--port", str(port)], cwd=walk.clone, stdout=subprocess.DEVNULL, stderr=stream,
            env=walk.environment(), executable=walk.clone / ".venv/bin/routing-etl", start_new_session=True,
        )  # fmt: skip
    try:
        with chromium(f"http://127.0.0.1:{port}") as browser:
            shoot(browser, (walk.clone / "item.html").as_uri(), "walk-sheet", 1300, 1000)
            shoot(browser, (home / "sheets" / "index.html").as_uri(), "walk-worklist-phone", 500, 900)
            shoot(browser, (walk.clone / "report.html").as_uri(), "walk-report", 1200, 1000)
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{browser.base}/server_info", timeout=5)
                    break
                except OSError:
                    time.sleep(2)
            shoot(browser, f"{browser.base}/assets", "walk-ui", 1500, 900)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    told = [
        line
        for line in errors.read_text(encoding="utf-8").splitlines()
        if "Nights that" in line or "Open http" in line
    ]
    return "\n".join(told).replace(str(port), "3000")


def main() -> None:
    """Walk, and write the page."""
    place = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="walk_"))
    place.mkdir(parents=True, exist_ok=True)
    walk, parts = Walk(place.resolve()), [HEAD]
    for number, (title, command, shown) in enumerate(STEPS):
        print(f"{number + 1} of {len(STEPS)}: {command}", flush=True)
        if command == "routing-etl ui":
            text = pictures(walk)
        else:
            text = walk.said(number, command)
        if "pip install" in command:
            text = re.sub(
                r"(?s).*Successfully installed .*", "... \nSuccessfully installed ... routing_etl ...", text
            )
        parts.append(
            (f"## {title}\n\n" if title else "")
            + block(command.replace("ITEM'", f"{walk.item()}'"), walk.plain(text))
        )
        parts += [f"![{words}](images/{name}.png)" for name, words in shown]
    PAGE.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
