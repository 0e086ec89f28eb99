"""Every address of the API, below /api/v1/."""

from __future__ import annotations

from django.urls import include, path, re_path

from abmatic.api.docs import docs
from abmatic.api.v1 import api, unknown

operations, application, namespace = api.urls
below = [*operations, re_path(r"^(?P<path>.*)$", unknown, name="unknown")]

urlpatterns = [
    # A page for people, who are signed in.
    path("docs/", docs, name="api-docs"),
    path("", include((below, application), namespace=namespace)),
]
