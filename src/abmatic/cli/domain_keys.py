"""`abmatic keys`: the keys that seal tokens and client secrets in the database.

Where the environment names the keys, a new one goes before the old ones, everything is restarted, and `rotate` seals
all secrets with it; then the old ones can go. Where the key is kept in the data folder, `rotate` does all of that
itself, while nothing runs. Both ways a crash in between leaves every secret readable.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import click
from cryptography.fernet import Fernet
from django.conf import settings

from abmatic.audiences.counted import counted
from abmatic.cli.claim import find
from abmatic.cli.domain_ready import ready, workers_alive
from abmatic.cli.failures import Failure, NotReady

_VARIABLE = "ABMATIC_ENCRYPTION_KEYS"


@click.group()
def keys() -> None:
    """Make and change the keys that seal what is secret."""


@keys.command()
def new() -> None:
    """Print a new key. Nothing is changed."""
    click.echo(Fernet.generate_key().decode())


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def rotate(as_json: bool) -> None:
    """Seal every stored secret again, with the newest key."""
    with ready():
        if {_VARIABLE, f"{_VARIABLE}_FILE"} & os.environ.keys():
            count, remark = _rotate_given()
        else:
            count, remark = _rotate_kept(settings.ENVIRONMENT.data_dir / "encryption.key")
    if as_json:
        click.echo(json.dumps({"sealed": count}))
    else:
        sealed = counted(count, "secret is", "secrets are")
        click.echo(f"{sealed} sealed with the newest key. {remark}")


def _rotate_given() -> tuple[int, str]:
    """The environment holds the keys, newest first."""
    if len(settings.ENVIRONMENT.encryption_keys) < 2:
        raise NotReady(
            f"{_VARIABLE} holds one key only. Make a new one (abmatic keys new), put it before the old one, separated "
            "by a comma, restart everything with both, and run this again"
        )
    return _seal_again(), f"The older keys can be taken out of {_VARIABLE}; keep them for backups made before"


def _rotate_kept(file: Path) -> tuple[int, str]:
    """The key is in the data folder. Whatever runs would go on sealing with the key it has read."""
    running = find(settings.ENVIRONMENT.data_dir)
    if running is not None or workers_alive():
        where = f" at {running.url}" if running else ""
        raise NotReady(f"Abmatic runs{where} and would go on with the old key. Stop it first (`abmatic stop`)")
    old = settings.ENVIRONMENT.encryption_keys
    fresh = Fernet.generate_key().decode()
    _write(file, ",".join((fresh, *old)))
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, encryption_keys=(fresh, *old))
    try:
        count = _seal_again()
    except Failure:
        _write(file, ",".join(old))
        raise
    former = file.with_name("encryption.key.former")
    before = former.read_text(encoding="utf-8").split() if former.exists() else []
    _write(former, "\n".join(dict.fromkeys((*old, *before))))
    _write(file, fresh)
    return count, f"It is in {file}: back it up. Backups made before need the one of their time, kept in {former.name}"


def _seal_again() -> int:
    from abmatic.identity import sealing, second_factor

    try:
        return sealing.rotate(also=second_factor.reseal)
    except sealing.SealBroken as error:
        raise Failure(f"Nothing was changed. {error}") from error


def _write(file: Path, text: str) -> None:
    """Puts the file there whole or not at all, readable by its owner only."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(file)
