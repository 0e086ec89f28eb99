"""Every address of the program, room by room."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("abmatic.api.urls")),
    path("", include("abmatic.web.urls")),
]

handler400 = "abmatic.web.errors.bad_request"
handler403 = "abmatic.web.errors.not_allowed"
handler404 = "abmatic.web.errors.not_found"
handler500 = "abmatic.web.errors.our_fault"
