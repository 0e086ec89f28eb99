"""Takes a picture of every page and dialog, as they are in a demo: empty, full, at work and failing.

    make pictures                              all of them, into .abmatic/pictures
    make pictures ARGS="--only grids --docs"   some scenes, and the pictures of the documentation from them

Each is taken on a desk (1280 pixels) and on a telephone (390), light and dark, to be looked at. ``--docs`` also takes
those that README and docs show, on a desk and light, and puts them into docs/images. The scenes are in
pictures_*.py, listed in pictures_scenes.py; the program, its data and the org are made for this run and removed after.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import browser
import httpx2
import pictures_scenes as scenes
from install import ROOT
from playwright.sync_api import Browser, Error, Page, sync_playwright
from small_png import smaller

SIZES = {"desk": (1280, 800), "telephone": (390, 844)}
THEMES = ("light", "dark")
DOCS = ROOT / "docs" / "images"
FLAGS = ["--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes a picture of every page and dialog.")
    parser.add_argument("--into", type=Path, default=ROOT / ".abmatic" / "pictures", help="where they are put")
    parser.add_argument("--only", nargs="*", default=[], choices=scenes.names(), help="these scenes")
    parser.add_argument("--docs", action="store_true", help="the documentation's pictures too")
    given = parser.parse_args()
    given.into.mkdir(parents=True, exist_ok=True)
    missed = []
    with tempfile.TemporaryDirectory(prefix="abmatic-pictures-") as folder, _chromium() as chromium:
        for number, (command, wanted) in enumerate(scenes.INSTALLATIONS):
            chosen = [scene for scene in wanted if not given.only or scene.__name__ in given.only]
            if chosen:
                with _running(Path(folder, str(number)), command) as url:
                    camera = Camera(chromium, url, given.into, docs=given.docs)
                    for scene in chosen:
                        print(f"· {scene.__name__}", flush=True)
                        try:
                            scene(camera)
                        except Error as error:
                            missed.append(scene.__name__)
                            traceback.print_exception(error)
    print(f"{len(list(given.into.glob('*.png')))} pictures are in {given.into}")
    if missed:
        sys.exit(f"Not to their end: {', '.join(missed)}")


class Camera:
    """A browser tab before the program, and what takes its pictures."""

    def __init__(self, chromium: Browser, url: str, folder: Path, *, docs: bool) -> None:
        context = chromium.new_context(reduced_motion="reduce", locale="en-US", timezone_id="Europe/Berlin")
        self.chromium = chromium
        self.page: Page = context.new_page()
        self.folder = folder
        self.docs = docs
        self.page.goto(url)
        self.base = url.split("/in/")[0].rstrip("/")
        self._show("desk", "light")

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    @property
    def org(self) -> str:
        """The emulated org's address."""
        return str(self.page.locator(".rail-note a").get_attribute("href"))

    def tell_org(self, what: str, body: Any) -> None:
        """Lays down a rule, a fault or a change in the emulated org."""
        httpx2.post(f"{self.org}/__emulator/{what}", json=body).raise_for_status()

    def take(self, name: str, *, whole: bool = True, docs: str = "", height: int | None = None) -> None:
        """Pictures of what is shown now.

        :param whole: the whole page, however long; False for what lies over a page, and for lists that grow.
        :param docs: the name among the documentation's pictures.
        :param height: of the window, where what lies over the page is tall.
        """
        for size in SIZES:
            for theme in THEMES:
                self._show(size, theme, height)
                if whole:
                    self.page.evaluate("scrollTo(0, 0)")
                path = self.folder / f"{name}-{size}-{theme}.png"
                self.page.screenshot(path=path, full_page=whole, animations="disabled")
        self._show("desk", "light")
        if docs and self.docs:
            (DOCS / f"{docs}.png").write_bytes(smaller(self.page.screenshot(animations="disabled")))

    def _show(self, size: str, theme: str, height: int | None = None) -> None:
        width, usual = SIZES[size]
        self.page.emulate_media(color_scheme="light" if theme == "light" else "dark")
        self.page.set_viewport_size({"width": width, "height": height or usual})


@contextmanager
def _chromium() -> Iterator[Browser]:
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.found(), args=flags)
        yield chromium
        chromium.close()


@contextmanager
def _running(folder: Path, command: list[str]) -> Iterator[str]:
    """The program with a data folder of its own; gives the address it says."""
    folder.mkdir()
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("ABMATIC_", "DATABASE_URL"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "abmatic.cli", *command],
        env={**ours, "ABMATIC_DATA_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(folder / "said.log").open("w"),
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            sys.exit(f"abmatic {' '.join(command)} ended: {(folder / 'said.log').read_text()}")
        yield str(json.loads(line)["url"])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        time.sleep(0.5)


if __name__ == "__main__":
    main()
