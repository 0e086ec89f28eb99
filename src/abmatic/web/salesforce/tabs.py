"""The tabs of a connection: one for each object that has settings, whatever those are."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404
from django.shortcuts import get_object_or_404

from abmatic.sync.models import Connection
from abmatic.sync.objects import SObject, configurable


@dataclass(frozen=True, slots=True)
class ObjectTab:
    """One object's tab: what its address calls it, and what people do."""

    slug: str
    label: str


def slug_of(spec: SObject) -> str:
    """What an address calls the object: "accounts"."""
    return spec.label_plural.lower().replace(" ", "-")


def object_tabs() -> list[ObjectTab]:
    """In the order in which people set them up: opportunities before campaigns, as in the guide."""
    tabs = [ObjectTab(slug_of(spec), spec.label_plural) for spec in configurable()]
    return sorted(tabs, key=lambda tab: tab.slug == "campaigns")


def chosen(connection_id: int, tab: str) -> tuple[Connection, SObject]:
    """The connection and the object of an address, or 404."""
    connection = get_object_or_404(Connection, pk=connection_id)
    for spec in configurable():
        if slug_of(spec) == tab:
            return connection, spec
    raise Http404(f"There are no settings called {tab}.")
