"""The apps that may ask for tokens: what Setup calls External Client Apps (once: Connected Apps)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

SCOPES = ("id", "profile", "email", "api", "refresh_token")
ANY_CALLBACK = "*"


@dataclass(frozen=True)
class App:
    """One registered app.

    ``callback_urls``: exact URLs, or "*" for any.  ``certificate``: PEM of the certificate or public key that
    JWT bearer assertions are signed for.  ``run_as``: username that client credentials stand for.
    ``pre_authorized``: JWT bearer works without a user's earlier consent.  ``secret_for_web_server_flow`` and
    ``secret_for_refresh``: Setup's "Require Secret for Web Server Flow" and "… for Refresh Token Flow", on in new apps.
    """

    client_id: str
    client_secret: str
    name: str = "App"
    callback_urls: tuple[str, ...] = (ANY_CALLBACK,)
    scopes: tuple[str, ...] = SCOPES
    certificate: str = ""
    run_as: str = ""
    pre_authorized: bool = True
    secret_for_web_server_flow: bool = True
    secret_for_refresh: bool = True
    require_pkce: bool = False
    rotate_refresh_tokens: bool | None = None
    blocked: bool = False

    def allows_callback(self, url: str) -> bool:
        return ANY_CALLBACK in self.callback_urls or url in self.callback_urls

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> App:
        """An app as a data file describes it: the fields of this class by name.

        :raises ValueError: an unknown or missing name.
        """
        known = {f.name for f in fields(cls)}
        if unknown := set(data) - known:
            raise ValueError(f"app: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
        if missing := {"client_id", "client_secret"} - set(data):
            raise ValueError(f"app: {', '.join(sorted(missing))} is missing")
        lists = {k: tuple(v) for k, v in data.items() if isinstance(v, list)}
        return cls(**{**data, **lists})  # type: ignore[arg-type]  # names are checked above


DEFAULT_APP = App(
    client_id="3MVG9EmulatorDemoClient.AbmHub000000000000000000000000000000000000000000000000001",
    client_secret="EMULATORDEMOSECRET0000000000000000000000000000000000000000000001",  # noqa: S106  published, for demos  # nosec B106
    name="Abmatic",
    run_as="integration@emulator.example",
)


class Apps:
    """The registered apps, by client id."""

    def __init__(self, apps: Iterable[App] = ()) -> None:
        self._apps = {a.client_id: a for a in apps} or {DEFAULT_APP.client_id: DEFAULT_APP}

    def get(self, client_id: str) -> App | None:
        return self._apps.get(client_id)

    @property
    def first(self) -> App:
        return next(iter(self._apps.values()))
