"""The page that explains the API: its OpenAPI document, rendered here, because nothing foreign runs in a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from abmatic.api.v1 import api

_ROLES = {"ViewerKey": "viewer", "OperatorKey": "operator", "AdministratorKey": "administrator"}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body: its name, its type in words, where it is, and what it means."""

    name: str
    type: str
    place: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    role: str
    parameters: list[Field]
    body: list[Field]
    answer: list[Field]
    status: str


def docs(request: HttpRequest) -> HttpResponse:
    """Every operation, by what it is about."""
    return render(request, "api/docs.html", {"groups": _groups(), "about": api.description})


@cache
def _groups() -> dict[str, list[Operation]]:
    schema = api.get_openapi_schema(path_prefix="/api/v1/")
    groups: dict[str, list[Operation]] = {}
    for path, operations in schema["paths"].items():
        for method, said in operations.items():
            groups.setdefault(said["tags"][0], []).append(_operation(schema, method, path, said))
    return groups


def _operation(schema: Mapping[str, Any], method: str, path: str, said: Mapping[str, Any]) -> Operation:
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    status, answer = next((status, each) for status, each in said["responses"].items() if int(status) < 400)
    shape = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return Operation(
        id=said["operationId"],
        method=method.upper(),
        path=path,
        summary=said["summary"],
        description=said.get("description", ""),
        role=_ROLES[next(iter(said["security"][0]))],
        parameters=[
            Field(each["name"], _type(schema, each["schema"]), each["in"], each.get("description", ""))
            for each in said.get("parameters", ())
        ],
        body=list(_fields(schema, body)),
        answer=list(_fields(schema, shape)),
        status=str(status),
    )


def _fields(schema: Mapping[str, Any], shape: Mapping[str, Any]) -> Iterator[Field]:
    for name, each in _resolved(schema, shape).get("properties", {}).items():
        yield Field(name, _type(schema, each), "", each.get("description", ""))


def _resolved(schema: Mapping[str, Any], shape: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = shape.get("$ref")
    found: Mapping[str, Any] = schema["components"]["schemas"][reference.rsplit("/", 1)[1]] if reference else shape
    return found


def _type(schema: Mapping[str, Any], shape: Mapping[str, Any]) -> str:
    """A type in a few words: "text or null", "list of RunShown"."""
    if "$ref" in shape:
        return str(shape["$ref"].rsplit("/", 1)[1])
    if "enum" in shape:
        return " | ".join(str(each) for each in shape["enum"])
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_type(schema, each) for each in shape["anyOf"]))
    kind = shape.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema, shape.get('items', {}))}"
    if isinstance(kind, list):
        return " or ".join(kind)
    return str(shape.get("format", kind))
