"""What a browser sends, read into typed values; each event that can't be read has its reason."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from abmatic.tracking import cleaning
from abmatic.tracking.browsers import Browser
from abmatic.tracking.events import Kind, Network, NotVersion7, WebEvent, time_of
from abmatic.tracking.models import Drop
from abmatic.tracking.sites import Site

LARGEST_BODY = 8 * 1024
MOST_EVENTS = 20
# How far the time in an id may lie back (a page that was offline) and ahead (a clock that is fast).
OLDEST = timedelta(days=3)
NEWEST = timedelta(minutes=5)

Short = Annotated[str, StringConstraints(max_length=100)]
# What doesn't fit 64 bits is a number with a point, as other readers of JSON take it.
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Value = Annotated[str, StringConstraints(max_length=500)] | bool | Whole | Finite | None


class Refused(Exception):
    """An event, or the whole request, is not taken."""

    def __init__(self, reason: Drop) -> None:
        super().__init__(reason.label)
        self.reason = reason


class _Properties(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Leave(_Properties):
    seconds: float = Field(ge=0, le=86_400)
    depth: int = Field(default=0, ge=0, le=100)


class _Scroll(_Properties):
    depth: int = Field(ge=0, le=100)


class _Click(_Properties):
    type: Literal["outbound", "download"]
    href: Annotated[str, StringConstraints(max_length=1_000)]
    text: Short = ""


class _Form(_Properties):
    form: Short = ""
    fields: dict[Short, Annotated[str, StringConstraints(max_length=500)]] = Field(default_factory=dict, max_length=50)


class _Identify(_Properties):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Value]
    email: Annotated[str, StringConstraints(max_length=254)]


class _Track(_Properties):
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    values: dict[Short, Value] = Field(default_factory=dict, max_length=30)


class _Personalised(_Properties):
    experience: int = Field(ge=1, le=2**63 - 1)
    # 0 is the control group.
    variant: int = Field(ge=0, le=2**63 - 1)


_PROPERTIES: dict[Kind, type[_Properties]] = {
    Kind.PAGE: _Properties,
    Kind.LEAVE: _Leave,
    Kind.SCROLL: _Scroll,
    Kind.CLICK: _Click,
    Kind.FORM: _Form,
    Kind.IDENTIFY: _Identify,
    Kind.TRACK: _Track,
    Kind.IMPRESSION: _Personalised,
    Kind.PERSONALISED_CLICK: _Personalised,
}


class _Event(BaseModel):
    """One event as it is sent."""

    id: UUID
    kind: Kind
    url: Annotated[str, StringConstraints(max_length=2_000)]
    title: Annotated[str, StringConstraints(max_length=300)] = ""
    referrer: Annotated[str, StringConstraints(max_length=2_000)] = ""
    # The id of the page view that it belongs to.
    page: UUID | None = None
    properties: dict[str, Any] = Field(default_factory=dict, max_length=40)


def body_of(body: bytes) -> tuple[object, list[object]]:
    """The visitor and the events of a request's body. Raises `Refused`."""
    if len(body) > LARGEST_BODY:
        raise Refused(Drop.TOO_LARGE)
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Halves of letters, which browsers can write and orjson doesn't read.
        try:
            told = json.loads(body.decode("utf-8", "strict"), parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise Refused(Drop.UNREADABLE) from None
    if b"\\u" in body:
        try:
            told = cleaning.storable(told)
        except cleaning.TooDeep:
            raise Refused(Drop.UNREADABLE) from None
    events = told.get("events") if isinstance(told, dict) else None
    if not isinstance(events, list) or not events:
        raise Refused(Drop.UNREADABLE)
    if len(events) > MOST_EVENTS:
        raise Refused(Drop.TOO_LARGE)
    return told.get("visitor"), events


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def event_of(
    told: object, site: Site, visitor: str, browser: Browser, network: Network | None, now: datetime
) -> WebEvent:
    """One event as it is stored. Raises `Refused`."""
    try:
        event = _Event.model_validate(told)
        properties = _PROPERTIES[event.kind].model_validate(event.properties)
        occurred_at = time_of(event.id)
    except ValidationError as error:
        raise Refused(_reason(error)) from None
    except NotVersion7:
        raise Refused(Drop.BAD_ID) from None
    if occurred_at < now - OLDEST:
        raise Refused(Drop.TOO_OLD)
    if occurred_at > now + NEWEST:
        raise Refused(Drop.TOO_NEW)
    address = cleaning.address_of(event.url)
    if address is None:
        raise Refused(Drop.INVALID)
    kept = _kept(properties, site)
    if event.page is not None:
        kept["page"] = str(event.page)
    return WebEvent(
        id=event.id,
        received_at=now,
        site_id=site.id,
        visitor=visitor,
        kind=event.kind,
        url=address.url,
        path=address.path,
        referrer=cleaning.referrer_of(event.referrer),
        title=cleaning.without_secrets(event.title) or None,
        utm=address.utm,
        click_ids=address.click_ids,
        properties=kept,
        browser=browser.name,
        os=browser.os,
        device=browser.device,
        ip=network,
    )


def _kept(properties: _Properties, site: Site) -> dict[str, Any]:
    """What is stored of an event's properties. ``email`` is the address of the person, if one was given."""
    match properties:
        case _Form():
            values = cleaning.form_values(properties.fields, site.captured_fields) if site.captures_forms else {}
            email = next((value for value in values.values() if cleaning.is_email(value)), None)
            told: dict[str, Any] = {"form": properties.form, "fields": values}
            return told | ({"email": email} if email else {})
        case _Identify():
            if not cleaning.is_email(properties.email):
                raise Refused(Drop.INVALID)
            return _without_cards(properties.model_dump(exclude_none=True))
        case _Track():
            return {"name": properties.name, "values": _without_cards(properties.values)}
        case _Click():
            target = cleaning.address_of(properties.href)
            return {
                "type": properties.type,
                "href": target.url if target else "",
                "text": cleaning.without_secrets(properties.text),
            }
    return properties.model_dump(exclude_none=True)


def _without_cards(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not (isinstance(value, str) and cleaning.is_card(value))}


def _reason(error: ValidationError) -> Drop:
    """The reason of the first fault that has one of its own."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    for fault in faults:
        if fault["loc"][:1] == ("id",):
            return Drop.BAD_ID
        if fault["loc"][:1] == ("kind",) and fault["type"] != "missing":
            return Drop.UNKNOWN_KIND
    return Drop.TOO_LONG if any(fault["type"].endswith("too_long") for fault in faults) else Drop.INVALID
