"""A person without a mouse: gets everywhere by Tab, and always sees where the focus is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

MOST_STEPS = 200

# What has the focus: how it is called, and whether it can be seen.
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const labels = [...(one.labels ?? [])].map((label) => label.innerText);
  const labelled = (one.getAttribute('aria-labelledby') ?? '').split(' ')
    .map((id) => document.getElementById(id)?.innerText ?? '').join(' ').trim();
  const name = [one.ariaLabel, labelled, labels.join(' '), one.innerText, one.textContent].find(Boolean) ?? '';
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const [x, y] = [box.left + Math.min(box.width, 40) / 2, box.top + Math.min(box.height, 20) / 2];
  const above = document.elementFromPoint(x, y);
  const over = !above || (!one.contains(above) && !above.contains(one));
  const where = `${one.tagName}${one.id && '#' + one.id} at ${Math.round(x)},${Math.round(y)}`;
  return {
    name: name.replace(/\\s+/g, ' ').trim(), where,
    marked: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none',
    hidden: over ? (above ? `${above.tagName}.${above.className}` : 'nothing') : '',
  };
}"""


class Keyboard:
    """The keys, and what they lead to. What was focused without being seen is kept in ``faults``."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []

    def focused(self) -> str:
        """How what has the focus is called."""
        return str((self.page.evaluate(FOCUSED) or {"name": ""})["name"])

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def to(self, name: str, *, back: bool = False) -> None:
        """Presses Tab until the focus is on what is called so."""
        met = []
        for _ in range(MOST_STEPS):
            self.press("Shift+Tab" if back else "Tab")
            found = self.page.evaluate(FOCUSED)
            if found is None:
                continue
            met.append(found["name"])
            if not found["marked"]:
                self.faults.append(f"{found['name']} ({found['where']}) doesn't show that it has the focus")
            if found["hidden"]:
                self.faults.append(f"{found['name']} ({found['where']}) has the focus under {found['hidden']}")
            if found["name"] == name:
                return
        pytest.fail(f"{name} can't be reached by Tab; what can: {met}")

    def do(self, name: str, *, back: bool = False, key: str = "Enter") -> None:
        """Goes to what is called so, and presses it."""
        self.to(name, back=back)
        self.press(key)

    def follow(self, name: str, address: str, *, back: bool = False) -> None:
        """Presses what leads to another page; ``address`` may hold ``*``."""
        self.do(name, back=back)
        self.page.wait_for_url(f"**{address}")
