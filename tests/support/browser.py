"""A headless Chromium on the pages of a Dagster webserver."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster_server import wait

_SECONDS = 60


class NoBrowserError(Exception):
    """Why no browser can be started here."""


class Browser:
    """One window. Texts are looked for in what the page shows."""

    def __init__(self, driver: Any, base: str) -> None:
        self.driver, self.base = driver, base

    def open(self, path: str, until: str) -> str:
        """Open a page and wait for a text on it; returns all its text."""
        self.driver.get(f"{self.base}{path}")
        return self.see(until)

    def forget(self) -> None:
        """Drop what the pages have kept, such as what was last typed into a Launchpad."""
        self.driver.execute_script("localStorage.clear(); sessionStorage.clear()")

    def text(self) -> str:
        """What the page shows."""
        shown = self.driver.execute_script("return document.body ? document.body.innerText : ''")
        return str(shown)

    def see(self, what: str) -> str:
        """Wait until the page shows a text; returns all its text."""
        return str(
            wait(lambda: text if what in (text := self.text()) else None, _SECONDS, f"{what!r} on the page")
        )

    def click(self, words: str, kind: str = "button") -> None:
        """Click the first visible element of a kind (`*` for any) whose own text holds these words."""

        def done() -> bool | None:
            from selenium.common.exceptions import WebDriverException

            path = f"//{kind}[contains(normalize-space({'.' if kind == 'button' else 'text()'}), '{words}')]"
            try:
                for element in self.driver.find_elements("xpath", path):
                    if element.is_displayed() and element.is_enabled():
                        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
                        element.click()
                        return True
            except WebDriverException:
                return None
            return None

        wait(done, _SECONDS, f"{kind} {words!r}")

    def set_config(self, text: str) -> None:
        """Write into the Launchpad's editor, once it has filled in the defaults."""
        get = "const e = document.querySelector('.CodeMirror'); return e ? e.CodeMirror.getValue() : ''"
        wait(lambda: "config" in self.driver.execute_script(get) or None, _SECONDS, "the Launchpad's editor")
        self.driver.execute_script(
            "document.querySelector('.CodeMirror').CodeMirror.setValue(arguments[0])", text
        )

    def images(self) -> list[tuple[int, int]]:
        """Natural width and height of the inline images that are visible and have loaded."""
        found = self.driver.execute_script(
            "return [...document.querySelectorAll('img')].filter(i => i.src.startsWith('data:image/png') && "
            "i.complete && i.getClientRects().length).map(i => [i.naturalWidth, i.naturalHeight])"
        )
        return [(w, h) for w, h in found]

    def shot(self, name: str) -> None:
        """Save a picture of the page where ROUTING_ETL_TEST_SCREENSHOTS says; nowhere without it."""
        folder = os.environ.get("ROUTING_ETL_TEST_SCREENSHOTS")
        if folder:
            self.driver.save_screenshot(str(Path(folder) / f"{name}.png"))


@contextmanager
def chromium(base: str) -> Iterator[Browser]:
    """Start Chromium.

    Raises
    ------
    NoBrowserError: says what is missing.
    """
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        raise NoBrowserError("Chromium or chromedriver is not installed (Debian: chromium, chromium-driver)")
    try:
        from selenium import webdriver
    except ImportError as exc:
        raise NoBrowserError("selenium is not installed: pip install '.[test]'") from exc
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1500,1040",
        "--force-device-scale-factor=1", "--lang=en",
    ):  # fmt: skip
        options.add_argument(argument)
    service = webdriver.ChromeService(driver)
    window = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(window, base)
    finally:
        window.quit()
