"""The programs that stand beside the app in a demo: the emulated org, and the website that is followed.

Both run through the guard, which gives strangers the lifeline that our own programs have.
"""

from __future__ import annotations

import sys

from abmatic.cli import domain_demo_org
from abmatic.cli.domain_demo_place import Place
from abmatic.cli.emulator import program
from abmatic.cli.supervise import Child


def emulator(place: Place) -> Child:
    """The emulated org, in its file; what it has beside its records is written for it."""
    place.org_file.parent.mkdir(parents=True, exist_ok=True)
    more = place.org_file.with_name("org.json")
    domain_demo_org.write(more)
    serve = [
        *("--port", str(place.emulator_port)),
        *("--database", str(place.org_file)),
        *("--data", str(more)),
        *place.org.options,
    ]
    # It outlives the others, because a run may be reading from it.
    return Child("The emulator", _guarded(program(serve)), outlives_others=True)


def website(place: Place) -> Child:
    """The website's folder, which is filled once the app answers."""
    serve = [sys.executable, "-m", "abmatic.cli.demo_website.serving", str(place.website_folder)]
    return Child("The website", _guarded([*serve, str(place.website_port)]))


def _guarded(command: list[str]) -> list[str]:
    return [sys.executable, "-m", "abmatic.cli.domain_guard", *command]
