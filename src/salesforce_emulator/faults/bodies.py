"""What a fault does to the true answer, after the work is done."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response

from salesforce_emulator.faults.rules import Fault


class ConnectionReset(ConnectionError):
    """The server is to close the connection now."""


def change(fault: Fault, answer: Response, released: threading.Event) -> Response:
    """The answer as the fault leaves it.

    :param released: lets a stalled answer go on.
    """
    options = fault.options
    match fault.action:
        case "reset" if options["when"] == "after":
            return closing()
        case "cut":
            return _cut(answer, options.get("bytes"))
        case "stalled":
            return _stalled(answer, 0 if options["until"] == "headers" else None, options["seconds"], released)
        case "wrong_length":
            return _wrong_length(answer, options["by"])
        case "field_missing":
            return _without_field(answer, options["field"])
        case "no_locator":
            answer.headers.pop("Sforce-Locator", None)
        case "row_count":
            answer.headers.pop("Sforce-NumberOfRecords", None)
            if "count" in options:
                answer.headers["Sforce-NumberOfRecords"] = str(options["count"])
    return answer


class _Closing:
    """A body whose sending fails at once."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise ConnectionReset("reset by a fault")


def closing() -> Response:
    """An answer that ends the connection before it says anything."""
    answer = Response(_Closing(), status=200)
    answer.headers["Content-Length"] = "1"
    return answer


def _with_body(answer: Response, pieces: Iterable[bytes], length: int) -> Response:
    changed = Response(pieces, status=answer.status_code, headers=answer.headers)
    changed.headers["Content-Length"] = str(length)
    return changed


def _whole(answer: Response) -> bytes:
    return b"".join(answer.iter_encoded())


def _cut(answer: Response, kept: int | None) -> Response:
    body = _whole(answer)

    def pieces() -> Iterator[bytes]:
        yield body[: len(body) // 2 if kept is None else kept]
        raise ConnectionReset("cut by a fault")

    return _with_body(answer, pieces(), len(body))


def _stalled(answer: Response, kept: int | None, seconds: float, released: threading.Event) -> Response:
    body = _whole(answer)
    first = len(body) // 2 if kept is None else kept

    def pieces() -> Iterator[bytes]:
        yield body[:first]  # of none the headers are sent all the same
        if not released.wait(seconds):
            raise ConnectionReset("stalled by a fault until its time was over")
        yield body[first:]

    return _with_body(answer, pieces(), len(body))


def _wrong_length(answer: Response, by: int) -> Response:
    body = _whole(answer)

    def pieces() -> Iterator[bytes]:
        yield body
        # A client that waits for the bytes that were promised isn't to wait for ever.
        raise ConnectionReset("closed by a fault: the length was wrong")

    return _with_body(answer, pieces(), max(0, len(body) + by))


def _without_field(answer: Response, name: str) -> Response:
    body = answer.get_data()
    if answer.headers.pop("Content-Encoding", "") == "gzip":
        body = gzip.decompress(body)
        answer.set_data(body)
    if answer.mimetype == "text/csv":
        rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
        if rows and name in rows[0]:
            at = rows[0].index(name)
            out = io.StringIO(newline="")
            csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(r[:at] + r[at + 1 :] for r in rows)
            answer.set_data(out.getvalue())
    elif answer.mimetype == "application/json":
        answer.set_data(json.dumps(_strip(json.loads(body), name), ensure_ascii=False))
    return answer


def _strip(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {k: _strip(v, name) for k, v in value.items() if k != name}
    return [_strip(v, name) for v in value] if isinstance(value, list) else value
