"""The script's rule for paths is the server's."""

from __future__ import annotations

import random
import re
from importlib import resources

from playwright.sync_api import Browser
from tests.tracking.browser.conftest import peoples_browser

from abmatic.personalisation.paths import fits

__all__ = ["peoples_browser"]


def test_the_script_fits_as_the_server_does_and_many_stars_take_no_longer(peoples_browser: Browser) -> None:
    text = resources.files("abmatic.tracking.script").joinpath("tracker.js").read_text()
    rule = re.search(r"  function isHere\(.*?\n  }\n.*?  function fits\(.*?\n  }\n", text, re.DOTALL)
    assert rule is not None
    chance = random.Random(5)
    cases = [
        ("/" + "".join(chance.choices("ab*/", k=chance.randrange(8))).rstrip("/"),
         "/" + "".join(chance.choices("ab/", k=chance.randrange(10))))
        for _ in range(20_000)
    ]  # fmt: skip
    cases += [("", "/"), ("/" + "*a" * 249, "/" + "a" * 1_990 + "b")]
    page = peoples_browser.new_page()
    one = f"([pattern, pathname]) => {{ var location = {{pathname}}; {rule[0]} return isHere(pattern); }}"
    told = page.evaluate(f"(cases) => cases.map({one})", cases)
    page.close()
    assert told == [fits([pattern], path) for pattern, path in cases]
    assert 500 < sum(told) < len(told) - 500
