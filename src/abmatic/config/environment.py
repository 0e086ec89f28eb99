"""Every setting of the program: one commented table.

Settings come from environment variables named ``ABMATIC_*`` (and ``DATABASE_URL``). Each may come from a file
instead: ``ABMATIC_SECRET_KEY_FILE=/run/secrets/key``. An unknown ``ABMATIC_*`` name stops the start, so that a
typing mistake can't silently leave a default in force.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


class SettingError(ImproperlyConfigured):
    """A setting is unknown, missing or malformed. The message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: its name, its default, and what it means."""

    name: str
    default: str
    meaning: str
    secret: bool = False


SETTINGS = (
    Setting("DATA_DIR", "", "folder for the embedded database and keys; default: .abmatic in the current "
            "checkout, else ~/.local/share/abmatic"),
    Setting("BASE_URL", "http://127.0.0.1:8000", "the address people open; also the OAuth callback's origin"),
    Setting("ALLOWED_HOSTS", "", "host names served, comma-separated; default: the host of BASE_URL and loopback"),
    Setting("SECRET_KEY", "", "signs sessions; default: made once and kept in DATA_DIR", secret=True),
    Setting("ENCRYPTION_KEYS", "", "Fernet keys that seal tokens, comma-separated, newest first; default: made "
            "once and kept in DATA_DIR", secret=True),
    Setting("SALESFORCE_EXTRA_HOSTS", "", "host:port entries accepted as Salesforce besides the real ones; "
            "only for the emulator"),
    Setting("DEMO", "", "1 while `abmatic demo` runs: pages link to the emulator's own pages"),
    Setting("EMULATOR_URL", "", "address of the emulator that `abmatic demo` started"),
    Setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR"),
    Setting("DEBUG", "", "1 shows Django's debug pages; never in production"),
    Setting("TRUSTED_PROXIES", "", "1 when a reverse proxy sets X-Forwarded-Proto"),
    Setting("IMPORT_PAGE_RECORDS", "50000", "records in one page of a bulk result, and so in one committed chunk"),
    Setting("REST_LIMIT", "2000", "up to this many changed records are read by REST instead of the Bulk API"),
)  # fmt: skip

_KNOWN = {setting.name for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings, parsed once."""

    data_dir: Path
    database_url: str | None
    base_url: str
    allowed_hosts: tuple[str, ...]
    secret_key: str
    encryption_keys: tuple[str, ...]
    salesforce_extra_hosts: frozenset[str]
    demo: bool
    emulator_url: str
    log_level: str
    debug: bool
    trusted_proxies: bool
    import_page_records: int
    rest_limit: int

    @property
    def embedded(self) -> bool:
        """True when the database is our own, started from ``data_dir``."""
        return self.database_url is None


def load(source: Mapping[str, str] | None = None) -> Environment:
    """Reads and checks every setting; makes the keys on first use. Raises `SettingError`."""
    values = _collect(os.environ if source is None else source)
    data_dir = Path(values["DATA_DIR"]).expanduser() if values["DATA_DIR"] else default_data_dir()
    base_url = values["BASE_URL"].rstrip("/")
    host = urlsplit(base_url).hostname
    if not host or urlsplit(base_url).scheme not in {"http", "https"}:
        raise SettingError(f"ABMATIC_BASE_URL is {base_url!r}: it must look like https://abmatic.example.com")
    hosts = _split(values["ALLOWED_HOSTS"]) or (host, "127.0.0.1", "localhost", "[::1]")
    return Environment(
        data_dir=data_dir.absolute(),
        database_url=values["DATABASE_URL"] or None,
        base_url=base_url,
        allowed_hosts=hosts,
        secret_key=values["SECRET_KEY"] or _kept_key(data_dir / "secret.key", lambda: secrets.token_urlsafe(50)),
        encryption_keys=_fernet_keys(values["ENCRYPTION_KEYS"], data_dir),
        salesforce_extra_hosts=frozenset(_split(values["SALESFORCE_EXTRA_HOSTS"])),
        demo=_flag("DEMO", values["DEMO"]),
        emulator_url=values["EMULATOR_URL"].rstrip("/"),
        log_level=values["LOG_LEVEL"].upper(),
        debug=_flag("DEBUG", values["DEBUG"]),
        trusted_proxies=_flag("TRUSTED_PROXIES", values["TRUSTED_PROXIES"]),
        import_page_records=_positive("IMPORT_PAGE_RECORDS", values["IMPORT_PAGE_RECORDS"]),
        rest_limit=_positive("REST_LIMIT", values["REST_LIMIT"]),
    )


def default_data_dir() -> Path:
    """``.abmatic`` beside the pyproject.toml of a checkout, else the user's data folder."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").exists():
        return checkout / ".abmatic"
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "abmatic"


def parse_database_url(url: str) -> dict[str, object]:
    """Django's DATABASES entry for a ``postgresql://user:password@host:port/name?option=value`` address."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise SettingError(
            f"DATABASE_URL has the scheme {parts.scheme!r}: only postgresql:// is supported (PostgreSQL 15 or newer)"
        )
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    host = unquote(options.pop("host", "") or parts.hostname or "")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise SettingError("DATABASE_URL names no database: it must end with /NAME")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": {key: unquote(value) for key, value in options.items()},
    }


def _collect(source: Mapping[str, str]) -> dict[str, str]:
    values = {setting.name: setting.default for setting in SETTINGS}
    values["DATABASE_URL"] = ""
    for variable, value in source.items():
        if variable in {"DATABASE_URL", "DATABASE_URL_FILE"}:
            name = variable
        elif variable.startswith("ABMATIC_"):
            name = variable.removeprefix("ABMATIC_")
        else:
            continue
        if name.endswith("_FILE") and name not in _KNOWN:
            name, value = name.removesuffix("_FILE"), _read(variable, value)
        if name != "DATABASE_URL" and name not in _KNOWN:
            raise SettingError(
                f"{variable} is not a setting of Abmatic; the known ones are "
                + ", ".join(sorted(f"ABMATIC_{known}" for known in _KNOWN))
            )
        values[name] = value
    return values


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{variable} names {path}, which can't be read: {error.strerror}") from error


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _flag(name: str, text: str) -> bool:
    if text.lower() in {"", "0", "false", "no", "off"}:
        return False
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    raise SettingError(f"ABMATIC_{name} is {text!r}: say 1 or 0")


def _positive(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise SettingError(f"ABMATIC_{name} is {text!r}: it must be a whole number above 0")


def _fernet_keys(text: str, data_dir: Path) -> tuple[str, ...]:
    # The file holds several while `abmatic keys rotate` changes from one to the next.
    keys = _split(text or _kept_key(data_dir / "encryption.key", lambda: Fernet.generate_key().decode()))
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise SettingError(
                "ABMATIC_ENCRYPTION_KEYS holds something that is no Fernet key (32 bytes, url-safe base64); "
                "make one with `abmatic keys new`"
            ) from error
    return keys


def _kept_key(path: Path, make: Callable[[], str]) -> str:
    """Reads the key from its file, or makes and keeps it. Two processes starting together end with one key."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, encoding="utf-8") as draft:
                draft.write(make() + "\n")
                draft.flush()
                # A link appears whole or not at all, and fails where another process was faster.
                with suppress(FileExistsError):
                    os.link(draft.name, path)
        key = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(
            f"{path} can't be read or made: {error.strerror}. Set ABMATIC_DATA_DIR to a folder of yours"
        ) from error
    if not key:
        raise SettingError(f"{path} is empty: restore it from a backup, or delete it to make a new key")
    return key
