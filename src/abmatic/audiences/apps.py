from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AudiencesConfig(AppConfig):
    name = "abmatic.audiences"
    label = "audiences"

    def ready(self) -> None:
        post_migrate.connect(_load_suffixes, sender=self)


def _load_suffixes(using: str, **_: Any) -> None:
    """After a migration: the lists belong to the installed version, not to a migration."""
    from django.db import connections

    from abmatic.audiences import suffixes

    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('public_suffix')")
        exists = cursor.fetchone()
    if exists and exists[0]:
        suffixes.load()
