"""A signed-in client of an emulated org's REST API, as the tests use it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from salesforce_emulator.testing import RunningOrg

VERSION = "60.0"
DATA = f"/services/data/v{VERSION}"
_PATIENCE = 60.0
Json = Any  # answers are JSON of many shapes


def wait_for(happens: Callable[[], bool]) -> bool:
    """Look until it happens; False where it never does."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if happens():
            return True
    return False


@dataclass
class Api:
    """A signed-in client of an org's REST API.

    Paths are relative to /services/data/v60.0 unless they begin with a slash.
    """

    org: RunningOrg
    http: httpx2.Client

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        full = path if path.startswith("/") else f"{DATA}/{path}"
        return self.http.request(method, full, **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        return self.call("POST", path, **options)

    def patch(self, path: str, **options: Any) -> httpx2.Response:
        return self.call("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> httpx2.Response:
        return self.call("DELETE", path, **options)

    def query(self, soql: str, *, deleted: bool = False) -> Json:
        """The answer of a query that must succeed."""
        answer = self.get("queryAll" if deleted else "query", params={"q": soql})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, soql: str, *, deleted: bool = False) -> list[dict[str, Json]]:
        """The records of a query, without their attributes."""
        return [{k: v for k, v in r.items() if k != "attributes"} for r in self.query(soql, deleted=deleted)["records"]]

    def refused(self, soql: str) -> tuple[str, str]:
        """Code and message of a query that must be refused with 400."""
        answer = self.get("query", params={"q": soql})
        assert answer.status_code == 400, answer.text
        return answer.json()[0]["errorCode"], answer.json()[0]["message"]

    def create(self, sobject: str, **values: Json) -> str:
        """Create a record; its id."""
        answer = self.post(f"sobjects/{sobject}", json=values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def job_info(
        self, kind: str, job_id: str, *, until: tuple[str, ...] = ("JobComplete", "Failed", "Aborted")
    ) -> Json:
        """A Bulk job's status once it is in one of these states."""
        info: Json = None

        def is_there() -> bool:
            nonlocal info
            info = self.get(f"jobs/{kind}/{job_id}").json()
            return info["state"] in until

        assert wait_for(is_there), f"the job stays {info['state']}"
        return info

    def bulk_query(self, soql: str, **settings: str) -> str:
        """Run a query job to its end; its id."""
        answer = self.post("jobs/query", json={"operation": "query", "query": soql, **settings})
        assert answer.status_code == 200, answer.text
        job_id = str(answer.json()["id"])
        assert self.job_info("query", job_id)["state"] == "JobComplete"
        return job_id

    def ingest(self, sobject: str, operation: str, csv: str, **settings: str) -> Json:
        """Run an ingest job to its end; its status."""
        made = self.post("jobs/ingest", json={"object": sobject, "operation": operation, **settings})
        assert made.status_code == 200, made.text
        job_id = made.json()["id"]
        sent = self.call("PUT", f"jobs/ingest/{job_id}/batches", content=csv, headers={"Content-Type": "text/csv"})
        assert (sent.status_code, sent.content) == (201, b"")
        assert self.patch(f"jobs/ingest/{job_id}", json={"state": "UploadComplete"}).status_code == 200
        return self.job_info("ingest", job_id)


OpenApi = Callable[..., Api]
