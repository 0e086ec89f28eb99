"""A call within a call: what composite and batch are made of."""

from __future__ import annotations

import json

from flask import current_app, request
from werkzeug.test import TestResponse

from salesforce_emulator.api.gate import PART


def call_part(method: str, url: str, payload: object) -> TestResponse:
    """The answer to one part, which goes through the application like a call of its own, as the same user.

    :param url: path and query.
    :param payload: what is sent as JSON; None: no body.
    """
    return current_app.test_client(use_cookies=False).open(
        url,
        method=method.upper(),
        data=None if payload is None else json.dumps(payload),
        headers={"Authorization": request.headers["Authorization"], "Content-Type": "application/json"},
        environ_overrides={PART: True},
    )
