"""search (SOSL) and parameterizedSearch."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask import Blueprint, Response, request

from salesforce_emulator.api.answers import ApiError, json_answer
from salesforce_emulator.api.bodies import json_object
from salesforce_emulator.api.query import context
from salesforce_emulator.runtime import api_session, api_user, api_version, emulator, visible_schema
from salesforce_emulator.search import Request, Returning, read_sosl, search
from salesforce_emulator.search.run import GROUPS, MOST
from salesforce_emulator.search.terms import parse_terms, plain
from salesforce_emulator.soql import Plan, SoqlError, compile_soql
from salesforce_emulator.soql.errors import at

blueprint = Blueprint("search", __name__)

_DATA = "/services/data/v<version>"
_BARE_LIST = 36.0
"""The last version that answers with the records alone."""
_POINTED = re.compile(r"\n.*\n *\^\nERROR at Row:\d+:Column:\d+\n", re.DOTALL)


@blueprint.get(f"{_DATA}/search/")
@blueprint.get(f"{_DATA}/search")
def sosl(version: str) -> Response:
    text = request.args.get("q")
    if not text:
        raise ApiError(400, "MALFORMED_SEARCH", "No search string was specified: the parameter q is missing")
    try:
        return _answer(read_sosl(text), text)
    except SoqlError as error:
        raise ApiError(400, error.code, error.message) from None


def _answer(asked: Request, text: str) -> Response:
    store, schema = emulator().store, visible_schema()
    asker = context(store, api_session().user_id, api_user().time_zone, include_deleted=False)

    def compiled(one: Returning) -> Plan:
        try:
            return compile_soql(one.soql, schema, asker)
        except SoqlError as error:  # it points into the part: point at its object instead
            raise at(text, one.pos, error.code, _POINTED.sub("", error.message)) from None

    with store.reading() as conn:
        records = search(conn, schema, asked, compiled, api_version())
    bare = float(api_version()) <= _BARE_LIST
    return json_answer(records if bare else {"searchRecords": records})


@blueprint.get(f"{_DATA}/parameterizedSearch/")
@blueprint.get(f"{_DATA}/parameterizedSearch")
def by_parameters(version: str) -> Response:
    given = request.args
    names = [n.strip() for listed in given.getlist("sobject") for n in listed.split(",") if n.strip()]
    options = ("fields", "where", "orderBy", "limit")
    sobjects = [{"name": n, **{o: given[f"{n}.{o}"] for o in options if f"{n}.{o}" in given}} for n in names]
    return _parameterized({**given.to_dict(), "sobjects": sobjects})


@blueprint.post(f"{_DATA}/parameterizedSearch/")
@blueprint.post(f"{_DATA}/parameterizedSearch")
def by_body(version: str) -> Response:
    return _parameterized(json_object())


def _parameterized(given: Mapping[str, object]) -> Response:
    text = given.get("q")
    if not isinstance(text, str) or not text:
        raise ApiError(400, "MISSING_ARGUMENT", "The q parameter is required")
    group = str(given.get("in", "ALL")).upper()
    if group not in GROUPS:
        raise ApiError(400, "INVALID_ARGUMENT", f"Invalid value for parameter in: {given.get('in')}")
    sobjects = given.get("sobjects") or []
    if not isinstance(sobjects, list) or not all(isinstance(o, Mapping) and o.get("name") for o in sobjects):
        raise ApiError(400, "JSON_PARSER_ERROR", "sobjects: a list of objects with a name is required")
    fields, limit = _listed(given.get("fields")), given.get("defaultLimit")
    returning = tuple(Returning(str(o["name"]), _soql(o, fields, limit)) for o in sobjects)
    try:
        asked = Request(parse_terms(plain(text)), group, returning, _count(given.get("overallLimit"), MOST))
        return _answer(asked, text)
    except SoqlError as error:
        raise ApiError(400, error.code, error.message) from None


def _listed(fields: object) -> str:
    """A list of fields, given as JSON or with commas."""
    return ", ".join(map(str, fields)) if isinstance(fields, list) else str(fields or "")


def _soql(sobject: Mapping[str, object], fields: str, limit: object) -> str:
    wanted = _listed(sobject.get("fields")) or fields or "Id"
    soql = f"SELECT {wanted} FROM {sobject['name']}"
    for keyword, key in (("WHERE", "where"), ("ORDER BY", "orderBy")):
        if sobject.get(key):
            soql += f" {keyword} {sobject[key]}"
    count = sobject.get("limit", limit)
    return soql if count is None else f"{soql} LIMIT {_count(count, MOST)}"


def _count(given: object, default: int) -> int:
    if given is None:
        return default
    if not str(given).isdigit() or not 1 <= int(str(given)) <= MOST:
        raise ApiError(400, "INVALID_ARGUMENT", f"a limit is a number from 1 to {MOST}: {given}")
    return int(str(given))
