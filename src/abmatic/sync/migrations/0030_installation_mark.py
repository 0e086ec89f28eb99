"""The mark is made at once, so that every backup from here on has it."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import migrations


def make(apps: Any, editor: Any) -> None:
    apps.get_model("sync", "Installation").objects.get_or_create(pk=1, defaults={"mark": secrets.token_hex(6)})


class Migration(migrations.Migration):
    dependencies = [("sync", "0029_visit_days")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
