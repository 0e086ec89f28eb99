"""What may be changed in a page: nothing that could run, and nothing that is more than one element's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from abmatic.personalisation.changes import ATTRIBUTES, changes_of, selectors_of
from abmatic.personalisation.paths import BadPath, example_of, fits, known_as, path_of


def one(kind: str, value: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "value": value} | ({} if kind == "banner" else {"selector": "#hero h1"}) | more


FINE = [
    one("text", "5 < 6 & “quoted” <b>as it is</b>"),
    one("link", "https://www.example.com/a?b=c#d"),
    one("link", "/prices"),
    one("link", "#form"),
    one("link", "mailto:ann@acme.com"),
    one("link", "tel:+49-30-1234"),
    one("image", "https://cdn.example.com/a.webp"),
    one("image", "/a.svg"),
    *(one("attribute", "Said aloud", attribute=name) for name in ATTRIBUTES),
    one("banner", "New prices"),
    one("banner", "New prices", link="/prices", position="bottom"),
    *(one("text", "x", selector=each) for each in (
        "h1", "#hero > .title", "a[href^='/prices']", 'input[name="q"]', "li:nth-child(2n+1)", "h1, h2",
        "p ~ a:not(.x)", "main *", "#größe",
    )),
]  # fmt: skip
UNSAFE = [
    one("link", "javascript:alert(1)"),
    one("link", "JaVaScRiPt:alert(1)"),
    one("link", " javascript:alert(1)"),
    one("link", "java\nscript:alert(1)"),
    one("link", "java\tscript:alert(1)"),
    one("link", "\x01javascript:alert(1)"),
    one("link", "data:text/html,<script>alert(1)</script>"),
    one("link", "vbscript:x"),
    one("link", "blob:https://x/y"),
    one("link", "prices"),
    one("link", "\\\\evil.example"),
    one("link", "/{{constructor}}"),
    one("link", "https://[::1"),
    one("link", ""),
    one("image", "data:image/svg+xml,<svg onload=alert(1)>"),
    one("image", "javascript:alert(1)"),
    one("image", "mailto:a@b.c"),
    one("attribute", "alert(1)", attribute="onclick"),
    one("attribute", "alert(1)", attribute="style"),
    one("attribute", "/x", attribute="href"),
    one("attribute", "x", attribute="srcdoc"),
    one("attribute", "x", attribute="data-hx-get"),
    one("attribute", "x", attribute="TITLE"),
    one("attribute", "x"),
    *(one("attribute", f"a{letter}b", attribute="title") for letter in '<>"'),
    *(one(kind, f"/a{letter}b") for letter in '<>"' for kind in ("link", "image")),
    one("banner", "New", link="/<b>"),
    one("text", "{{constructor.constructor('alert(1)')()}}"),
    one("text", "${alert(1)}"),
    one("text", "[[x]]"),
    one("text", "<%= x %>"),
    one("text", "{% x %}"),
    one("text", "two\nlines"),
    one("text", "  "),
    one("text", "x" * 501),
    one("html", "<b>x</b>"),
    one("banner", "New", link="javascript:alert(1)"),
    one("banner", "New", position="fixed; background: url(x)"),
    one("banner", "New", html="<b>"),
    *(one("text", "x", selector=each) for each in (
        "", "h1{color:red}", "h1{}*", "@import 'x'", "h1;", "h1/*", "a[href='x", "a:not(b", "h1)", "h1\\", "<b>",
        "x" * 201, "a[b=(']')", "h1</style><script>",
        "input[value^='a']", "[ VALUE]", "meta[content='x']", "[*|value='x']", "a:not([value])", "p:has(b)", "p:HAS(b)",
    )),
    {"kind": "text", "value": "x"},
    "text",
]  # fmt: skip


@pytest.mark.parametrize("change", FINE, ids=str)
def test_these_are_taken(change: dict[str, Any]) -> None:
    (made,) = changes_of([change])
    assert made.model_dump(exclude_none=True).items() >= change.items()


@pytest.mark.parametrize("change", UNSAFE, ids=str)
def test_these_are_refused(change: Any) -> None:
    with pytest.raises(ValidationError):
        changes_of([change])


def test_there_is_an_end() -> None:
    with pytest.raises(ValidationError, match="at most 20"):
        changes_of([one("text", "x")] * 21)


def test_elements_are_named_once() -> None:
    made = changes_of(
        [one("text", "x"), one("attribute", "y", attribute="title"), one("banner", "z"), one("text", "x", selector="p")]
    )
    assert selectors_of(made) == ["#hero h1", "p"]


@pytest.mark.parametrize(
    ("pattern", "fitting", "misses"),
    [
        ("/", ["/"], ["/a"]),
        ("/prices", ["/prices", "/prices/"], ["/prices/eu", "/", "/price", "/xprices"]),
        ("/prices/", ["/prices", "/prices/"], ["/prices/eu"]),
        ("/blog/*", ["/blog/", "/blog/a", "/blog/a/b"], ["/blog2", "/a/blog/"]),
        ("/*/prices", ["/en/prices", "/a/b/prices"], ["/prices"]),
        ("/*", ["/", "/a", "/a/b"], []),
        ("/a.b(c)", ["/a.b(c)"], ["/axb(c)"]),
        ("/größe", ["/gr%C3%B6%C3%9Fe"], ["/größe"]),
    ],
)
def test_patterns_of_paths(pattern: str, fitting: list[str], misses: list[str]) -> None:
    known = known_as(path_of(pattern))
    assert [path for path in [*fitting, *misses] if fits([known], path)] == fitting


@given(st.text("ab*/", max_size=9), st.text("ab/", max_size=12))
def test_patterns_fit_as_a_plain_matcher_says(pattern: str, path: str) -> None:
    assert fits([known_as(f"/{pattern}")], f"/{path}") == plainly_fits(f"/{pattern}", f"/{path}")


def plainly_fits(pattern: str, path: str) -> bool:
    """The rule letter by letter, each way tried."""

    def rest(at: int, of: int) -> bool:
        if at == len(known):
            return path[of:] in ("", "/")
        if known[at] == "*":
            return any(rest(at + 1, later) for later in range(of, len(path) + 1))
        return path[of : of + 1] == known[at] and rest(at + 1, of + 1)

    known = pattern.rstrip("/")
    return rest(0, 0)


def test_many_stars_take_no_longer() -> None:
    pattern = path_of("/" + "*a" * 249)
    assert not fits([known_as(pattern)], "/" + "a" * 1_990 + "b")


@pytest.mark.parametrize("text", ["", "prices", "https://acme.com/x", "/a b", "/a?b=c", "/a#b", "/\\", "/" + "x" * 500])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(BadPath, match="say /prices"):
        path_of(text)


def test_an_example_of_a_pattern() -> None:
    assert [example_of(each) for each in ("/prices", "/blog/*", "/*")] == ["/prices", "/blog/", "/"]
