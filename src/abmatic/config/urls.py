"""Every address of the program, room by room."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("abmatic.web.urls")),
]
