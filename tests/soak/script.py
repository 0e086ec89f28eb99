"""What people do in the org and here between two syncs, drawn from a seed: the same for both lives of an episode.

Records are named by the Ids that they had in the org at the start, and new ones by names that nobody else has, so that
a script fits two databases alike.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from abmatic.sync.models import FieldMapping, ObjectSetting
from salesforce_emulator import OrgStore

# Salesforce field, local field, values. Agriculture is refused by the org's validation rule, a long text by its field.
EDITED: dict[str, dict[str, tuple[str, list[Any]]]] = {
    "Account": {
        "Industry": ("industry", ["Banking", "Energy", "Media", "Agriculture", None]),
        "BillingCity": ("city", ["Graz", "Wien", "Linz", "Villach", None, "x" * 60]),
        "NumberOfEmployees": ("employee_count", [0, 5, 70, 800, None]),
    },
    "Contact": {"Title": ("job_title", ["CEO", "CFO", None, "y" * 200]), "Phone": ("phone", ["+43 1 1", "+43 1 2"])},
    "Lead": {"Title": ("job_title", ["Head", "Clerk", None]), "Company": ("company", ["Alpha", "Beta"])},
}
LONGEST = {"BillingCity": 40, "Title": 128}
REFUSED = "Agriculture"
RULE = {
    "object": "Account", "fullName": "No_farms", "active": True,
    "errorConditionFormula": f'AND(OR(ISNEW(), ISCHANGED(Industry)), ISPICKVAL(Industry, "{REFUSED}"))',
    "errorMessage": "We don't sell to farms.",
}  # fmt: skip
MODES = [("overwrite", "overwrite")] * 3 + [("overwrite", "fill"), ("fill", "overwrite"), ("fill", "fill")]
MODES += [("none", "overwrite"), ("none", "fill"), ("overwrite", "none")]


@dataclass
class Round:
    """What happens before one sync. ``moved``: records whose place changes, which the plain statement leaves out."""

    there: list[tuple[Any, ...]] = field(default_factory=list)
    here: list[list[dict[str, Any]]] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)


class Script:
    """``records``: of each object the Ids that the rounds may touch, in order; ``links``: their local records.

    ``contacts``: those of each account, which go with it.
    """

    def __init__(
        self, seed: str, records: dict[str, list[str]], links: dict[str, int], contacts: dict[str, list[str]]
    ) -> None:  # fmt: skip
        self._chance = random.Random(seed)
        self._left = {name: list(ids) for name, ids in records.items()}
        self._links = links
        self._contacts = {account: list(ids) for account, ids in contacts.items()}
        self._deleted: list[tuple[str, str]] = []
        self._name = seed.replace("/", "-")
        self._made = 0
        self.policy = self._chance.choice(["recent", "salesforce", "abmatic"])
        self.modes = {
            (sobject, name): self._chance.choice(MODES) for sobject, fields in EDITED.items() for name in fields
        }

    def set_up(self) -> None:
        """Sets what this script wants: everything may be written, by its policy and its modes."""
        ObjectSetting.objects.filter(sobject__in=EDITED).update(
            create_in_salesforce=True, update_in_salesforce=True, policy=self.policy
        )
        for (sobject, name), (to_abmatic, to_salesforce) in self.modes.items():
            mapping = FieldMapping.objects.filter(setting__sobject=sobject, sf_field=name)
            assert mapping.update(to_abmatic=to_abmatic, to_salesforce=to_salesforce)

    def round(self) -> Round:
        """What happens before the next sync."""
        made = Round()
        for sobject in EDITED:
            touched = self._chance.sample(self._left[sobject], min(8, len(self._left[sobject])))
            self._edit(made, sobject, touched)
        self._move(made)
        self._make(made)
        return made

    def edits(self) -> Round:
        """What happens before a sync that is to be undone: nothing that has consequences in the next one.

        Of a record made here, what Salesforce adds (its owner) comes with the next run, or with the same where that
        reads twice because somebody died: an undo of the one would not be an undo of the other.
        """
        made = Round()
        for sobject in EDITED:
            self._edit(made, sobject, self._chance.sample(self._left[sobject], min(8, len(self._left[sobject]))))
        return made

    def _edit(self, made: Round, sobject: str, touched: Iterable[str]) -> None:
        """On one side, on the other, or on both: then they may contradict each other."""
        request = []
        for sf_id in touched:
            side = self._chance.choice(["there", "here", "both"])
            name = self._chance.choice(list(EDITED[sobject]))
            local, values = EDITED[sobject][name]
            if side != "here":
                # Nobody in the org can enter what it refuses.
                fitting = [v for v in values if v != REFUSED and len(str(v)) <= LONGEST.get(name, 255)]
                fitting = [v for v in fitting if v is not None or (sobject, name) != ("Lead", "Company")]
                made.there.append(("update", sobject, sf_id, {name: self._chance.choice(fitting)}))
            if side != "there":
                request.append(
                    {
                        "record": "account" if sobject == "Account" else "contact", "id": self._links[sf_id],
                        "values": {local: self._chance.choice(values)}, "hours_ago": self._chance.choice([0, 1]),
                    }
                )  # fmt: skip
        for start in range(0, len(request), 3):
            made.here.append(request[start : start + 3])

    def _move(self, made: Round) -> None:
        """Deletes, restores, merges and converts."""
        if self._deleted and self._chance.random() < 0.7:
            sobject, sf_id = self._deleted.pop()
            self._step(made, "undelete", sobject, sf_id)
            self._left[sobject].append(sf_id)
        for sobject in ("Account", "Contact", "Lead"):
            if self._chance.random() < 0.5:
                (sf_id,) = self._take(sobject, 1)
                self._step(made, "delete", sobject, sf_id)
                self._deleted.append((sobject, sf_id))
                gone = self._contacts.get(sf_id, [])
                made.moved.update(gone)
                self._left["Contact"] = [one for one in self._left["Contact"] if one not in gone]
        for sobject in ("Account", "Contact"):
            if self._chance.random() < 0.5:
                master, loser = self._take(sobject, 2)
                self._left[sobject].append(master)
                self._step(made, "merge", sobject, master, loser)
                if sobject == "Account":
                    self._contacts.setdefault(master, []).extend(self._contacts.pop(loser, []))
        (lead,) = self._take("Lead", 1)
        self._step(made, "convert", "Lead", lead)

    def _step(self, made: Round, what: str, sobject: str, *sf_ids: str) -> None:
        made.there.append((what, sobject, *sf_ids))
        made.moved.update(sf_ids)

    def _take(self, sobject: str, number: int) -> list[str]:
        taken = self._chance.sample(self._left[sobject], number)
        self._left[sobject] = [sf_id for sf_id in self._left[sobject] if sf_id not in taken]
        return taken

    def _make(self, made: Round) -> None:
        """New records on both sides: one with a key that both sides make, and some without any."""
        self._made += 1
        new = f"{self._name}-{self._made}"
        made.there += [
            ("insert", "Account", {"Name": f"There {new}", "Website": f"there-{new}.com"}),
            ("insert", "Account", {"Name": f"Both {new}", "Website": f"both-{new}.com", "Industry": "Media"}),
            ("insert", "Lead", {"LastName": f"There {new}", "Company": "C", "Email": f"l@there-{new}.com"}),
        ]
        made.here += [
            [_new_account(f"Here {new}", f"here-{new}.com", "Graz")],
            [_new_account(f"Both {new}", f"both-{new}.com", "Wien")],
            [_new_account(f"Keyless {new}", None, "Linz"), _new_account(f"Farm {new}", None, "Linz", industry=REFUSED)],
            [_new_person(f"Here {new}", f"p@here-{new}.com"), _new_person(f"Keyless {new}", None)],
        ]


def _new_account(name: str, site: str | None, city: str, **more: Any) -> dict[str, Any]:
    return {"record": "account", "values": {"name": name, "website": site, "domain": site, "city": city, **more}}


def _new_person(name: str, email: str | None) -> dict[str, Any]:
    values = {"last_name": name, "work_email": email, "email_key": email, "company": "Nobody & Co", "kind": "lead"}
    return {"record": "contact", "values": values}


def take_there(store: OrgStore, step: tuple[Any, ...]) -> None:
    """Does one step in the org, as a person on its pages."""
    match step:
        case ("update", sobject, sf_id, values):
            with store.session() as session:
                session.update(sobject, sf_id, values)
        case ("insert", sobject, values):
            with store.session() as session:
                session.insert(sobject, values)
        case ("delete", sobject, sf_id):
            with store.session() as session:
                session.delete(sobject, sf_id)
        case ("undelete", sobject, sf_id):
            with store.session() as session:
                session.undelete(sobject, sf_id)
        case ("merge", sobject, master, loser):
            store.merge(sobject, master, [loser])
        case ("convert", _, lead):
            store.convert_lead(lead)
        case _:
            raise AssertionError(step)
