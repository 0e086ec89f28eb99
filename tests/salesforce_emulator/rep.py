"""Somebody at a browser without scripts: keeps cookies, sends the forms that pages show as they show them."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx2
from tests.salesforce_emulator.client import Api

Fields = list[tuple[str, str]]


class _Forms(HTMLParser):
    """Reads the forms of a page: where each is sent, and what a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, Fields]] = []
        self._select = self._area = ""
        self._option: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), []))
        if not self.forms:
            return
        fields, name = self.forms[-1][1], given.get("name", "")
        if tag == "input" and name:
            ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
            if ticked:
                # One line: a browser leaves out newlines.
                fields.append((name, given.get("value", "").replace("\r", "").replace("\n", "")))
        elif tag == "textarea":
            self._area = name
            fields.append((name, ""))
        elif tag == "select":
            self._select, self._option = name, None
        elif tag == "option" and self._select:
            self._option = given.get("value", "") if self._option is None or "selected" in given else self._option

    def handle_data(self, data: str) -> None:
        if self._area:
            fields = self.forms[-1][1]
            fields[-1] = (self._area, fields[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            name, text = self.forms[-1][1][-1]
            lines = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
            self.forms[-1][1][-1] = (name, lines.replace("\n", "\r\n"))
            self._area = ""
        elif tag == "select":
            self.forms[-1][1].append((self._select, self._option or ""))
            self._select = ""


class Rep:
    """A sales rep at the org's pages."""

    def __init__(self, api: Api) -> None:
        self.http = httpx2.Client(base_url=api.org.url, follow_redirects=True, timeout=30)

    def open(self, path: str, status: int = 200) -> str:
        answer = self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    def form(self, path: str, action: str = "") -> Fields:
        """What a page's form would send: the one that goes to ``action``, or to the page itself."""
        found = _Forms()
        # As a browser reads it: it knows no NUL.
        found.feed(self.open(path).replace("\x00", "�"))
        (fields,) = [fields for sent_to, fields in found.forms if sent_to == action and ("csrf" in dict(fields))]
        return fields

    def send(self, path: str, *, to: str = "", status: int = 200, **typed: str | list[str]) -> str:
        """Fill in and send a page's form. A reference is typed as ``OwnerId="Rita Reyes"``."""
        fields = self.form(path, to)
        named = {name.removesuffix(".name") for name, _ in fields if name.endswith(".name")}
        for name, value in typed.items():
            shown = f"{name}.name" if name in named else name
            fields = [(n, v) for n, v in fields if n != shown]
            fields += [(shown, one) for one in ([value] if isinstance(value, str) else value)]
        answer = self.http.post(to or path, data=_as_sent(fields))
        assert answer.status_code == status, answer.text
        return answer.text


def _as_sent(fields: Fields) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {}
    for name, value in fields:
        sent.setdefault(name, []).append(value)
    return sent
