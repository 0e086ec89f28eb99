"""By which names an org answers: a page whose name was made to lead here doesn't reach it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.salesforce_emulator.client import Api, OpenApi

from salesforce_emulator import Settings
from salesforce_emulator.__main__ import _settings, parser
from salesforce_emulator.datafile import DataFile

PATHS = ("/", "/login", "/watch/calls", "/__emulator/org", "/__emulator/calls", "/__static/style.css")


@pytest.fixture
def guarded(open_api: OpenApi) -> Api:
    return open_api(settings=Settings(allowed_hosts=("Org.example",)))


def test_pages_and_control_answer_to_their_own_names_only(guarded: Api) -> None:
    for path in PATHS:
        refused = guarded.get(path, headers={"Host": "evil.example:8088"})
        assert refused.status_code == 421
        assert refused.text.startswith("This org isn't called 'evil.example:8088'. If it should be: --allow-host, ")
    assert guarded.post("/__emulator/faults", json=[], headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:8088", "127.9.9.9", "[::1]:8088", "org.example"]
)
def test_its_own_names(guarded: Api, host: str) -> None:
    assert guarded.get("/__emulator/org", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["[", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", "0.0.0.0"])
def test_names_that_look_like_its_own(guarded: Api, host: str) -> None:
    assert guarded.get("/__emulator/org", headers={"Host": host}).status_code == 421


def test_a_program_may_call_the_api_by_the_name_of_a_real_org(guarded: Api) -> None:
    elsewhere = {"Host": "acme.my.salesforce.com"}
    assert guarded.get("limits", headers=elsewhere).status_code == 200
    form = {
        "grant_type": "client_credentials",
        "client_id": guarded.org.client_id,
        "client_secret": guarded.org.client_secret,
    }
    token = "/services/oauth2/token"
    assert guarded.post(token, data=form, headers=elsewhere).status_code == 200
    page = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert guarded.post(token, data=form, headers=page).status_code == 421


def test_an_application_in_a_process_has_any_name(open_api: OpenApi) -> None:
    assert open_api().get("/__emulator/org", headers={"Host": "emulator.example"}).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ()),
        (("--host", "localhost"), ()),
        (("--host", "::1", "--allow-host", "org.example"), ("org.example",)),
        (("--host", "0.0.0.0"), None),
    ],
)
def test_the_command_is_careful_on_a_loopback_address(arguments: Sequence[str], names: tuple[str, ...] | None) -> None:
    assert _settings(parser().parse_args(arguments), DataFile()).allowed_hosts == names
