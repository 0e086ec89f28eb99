"""What an import does, said slowly and plainly, for accounts with a website, a name, a number and a date.

Shares nothing with the SQL but the rules of domains, which have a statement of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Record = dict[str, Any]


@dataclass
class Outcome:
    """The records afterwards by domain, those without one, the change log's fields, and the rejected rows."""

    keyed: dict[str, Record]
    keyless: list[Record] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)


def number(text: str, comma: bool) -> Decimal | None:
    """1,234.5 or 1.234,5; None is no number."""
    text = text.strip("$€£¥ \u00a0\u202f")
    point, group = (",", ".") if comma else (".", ",")
    whole, sign, rest = text.partition(point)
    if re.fullmatch(rf"[+-]?[0-9]{{1,3}}([{group}'’ \u00a0\u202f][0-9]{{3}})+", whole):
        whole = re.sub(rf"[{group}'’ \u00a0\u202f]", "", whole)
    if not re.fullmatch(r"[+-]?[0-9]+", whole) or (sign and not re.fullmatch(r"[0-9]*", rest)):
        return None
    return Decimal(f"{whole}.{rest or 0}").quantize(Decimal("0.000001"), ROUND_HALF_UP)


def day(text: str, day_first: bool) -> date | None:
    """ISO, 31.1.2026, and slashes either way; None is no date."""
    if found := re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", text):
        year, month, at = map(int, found.groups())
    elif found := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text):
        at, month, year = map(int, found.groups())
    elif found := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text):
        first, second, year = map(int, found.groups())
        at, month = (first, second) if day_first else (second, first)
    else:
        return None
    try:
        return date(year, month, at)
    except ValueError:
        return None


def imported(
    here: Mapping[str, Record],
    rows: Sequence[Sequence[str]],
    domains: Mapping[str, str | None],
    *,
    duplicates: str,
    keyless: bool,
    comma: bool,
    day_first: bool,
) -> Outcome:
    """Rows are website, name, number, date; ``domains`` gives the domain of each website."""
    outcome = Outcome({domain: dict(record) for domain, record in here.items()})
    seen: set[str] = set()
    for line, cells in enumerate(rows, 2):
        website, name, amount, when = (cell.strip() for cell in cells)
        if not any((website, name, amount, when)):
            continue
        values: Record = {
            "website": website or None,
            "name": name or None,
            "revenue": number(amount, comma) if amount else None,
            "when": day(when, day_first) if when else None,
        }
        # An amount of money that a firm takes in, and what nobody could tell.
        below = values["revenue"] is not None and values["revenue"] < 0
        unfit = below or website == "n/a" or not (website or name)
        unfit = unfit or (amount and values["revenue"] is None) or (when and values["when"] is None)
        domain = domains.get(website)
        if unfit or (domain is None and not keyless) or domain in seen:
            outcome.rejected.append(line)
            continue
        if domain is None:
            outcome.keyless.append(values)
            continue
        seen.add(domain)
        record = outcome.keyed.get(domain)
        if record is None:
            outcome.keyed[domain] = values
            outcome.changed.append((domain, ""))
            continue
        for each, given in values.items():
            may = duplicates == "overwrite" or (duplicates == "fill" and record[each] is None)
            if given is not None and may and record[each] != given:
                record[each] = given
                outcome.changed.append((domain, each))
    return outcome
