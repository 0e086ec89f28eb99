"""What somebody wants an experience to be, read and judged: the same for pages and for the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from abmatic.personalisation.changes import Changes
from abmatic.personalisation.models import MOST_CONTROL, MOST_WEIGHT, Experience
from abmatic.personalisation.paths import BadPath, path_of

MOST_PAGES = 20
MOST_VARIANTS = 10


def _page(value: str) -> str:
    try:
        return path_of(value)
    except BadPath as bad:
        raise ValueError(str(bad)) from None


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("leave out the letter with the code 0: it can't be stored")
    return value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_storable)]
_Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
_Utm = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_storable)]


class VariantWanted(BaseModel):
    """A variant: with ``id`` one that is there, without a new one. ``weight``: its part against the other variants'."""

    model_config = ConfigDict(extra="forbid")
    id: _Id | None = None
    name: Name
    weight: int = Field(default=1, ge=0, le=MOST_WEIGHT)
    changes: Changes = Field(default_factory=list)


class ExperienceWanted(BaseModel):
    """An experience, whole. ``pages``: paths, in which * stands for any letters. ``site`` and ``collection``: their
    numbers. What is empty of the audience doesn't matter; all that isn't must fit."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    site: _Id
    pages: list[Annotated[str, AfterValidator(_page)]] = Field(min_length=1, max_length=MOST_PAGES)
    collection: _Id | None = None
    known: Experience.Known = Experience.Known.ANYBODY
    visit: Experience.Visit = Experience.Visit.ANY
    utm_source: _Utm = ""
    utm_medium: _Utm = ""
    utm_campaign: _Utm = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    control_percent: int = Field(default=10, ge=0, le=MOST_CONTROL)
    is_on: bool = False
    variants: list[VariantWanted] = Field(min_length=1, max_length=MOST_VARIANTS)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for moment in (self.starts_at, self.ends_at):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("give times with their zone, as in 2026-12-01T08:00:00+01:00")
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("it ends before it begins: choose a later end")
        names = [each.name.lower() for each in self.variants]
        if len(set(names)) < len(names):
            raise ValueError("two variants have the same name: results could not be told apart")
        if self.is_on and not any(each.weight for each in self.variants):
            raise ValueError("all weights are 0, so nobody would see anything: give one variant a weight")
        if self.is_on and not any(each.changes for each in self.variants):
            raise ValueError("no variant changes anything: add a change before it is turned on")
        return self


class ExperienceChanged(ExperienceWanted):
    """An experience, whole, as it is to be from now on. ``updated_at``: as it was told when it was looked at; where it
    has been changed since, this is refused."""

    updated_at: datetime | None = None
