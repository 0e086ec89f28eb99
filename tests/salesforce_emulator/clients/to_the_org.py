"""Leads Python clients that insist on https, or on a host of Salesforce's, to the org that is named in ORG.

The client itself is left as it is: it is given a session, or a transport, that changes where a request goes and nothing
else of it.
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

ORG: dict[str, str] = json.loads(os.environ["ORG"])
_TARGET = urlsplit(ORG["url"])


def led_to_the_org(url: str) -> str:
    return urlsplit(url)._replace(scheme=_TARGET.scheme, netloc=_TARGET.netloc).geturl()


class ToTheOrg(HTTPAdapter):
    """For requests: mounted on https://, it sends to the org instead."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        request.url = led_to_the_org(request.url or "")
        return super().send(request, *arguments, **options)


def session() -> requests.Session:
    made = requests.Session()
    made.mount("https://", ToTheOrg())
    return made


def tell(found: object) -> None:
    """What the test reads."""
    print(json.dumps(found))
