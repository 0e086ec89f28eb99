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
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography.fernet import Fernet

from abmatic.config.errors import SettingError
from abmatic.config.services import IdentityProvider, MailServer, identity_provider, mail_server

__all__ = ["SETTINGS", "Environment", "Setting", "SettingError", "default_data_dir", "load", "parse_database_url"]


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
    Setting("TRUSTED_PROXIES", "", "1 when a reverse proxy sets X-Forwarded-Proto and X-Forwarded-For"),
    Setting("IMPORT_PAGE_RECORDS", "50000", "records in one page of a bulk result, where Salesforce lets us choose"),
    Setting("IMPORT_CHUNK_BYTES", "4194304", "bytes of CSV in one committed chunk of an import"),
    Setting("IMPORT_FILE_MEGABYTES", "500", "the largest CSV file that can be imported, in MB"),
    Setting("KEEP_FILES_DAYS", "7", "days for which a file that was imported is kept, and the rows of it that were "
            "rejected"),
    Setting("SMTP_URL", "", "mail server, as smtps://user:password@host:465 or smtp://user:password@host:587",
            secret=True),
    Setting("MAIL_FROM", "", "the address that mail comes from"),
    Setting("WEBHOOK_HOSTS", "", "host:port entries of your own network that webhooks may call, comma-separated"),
    Setting("OIDC_ISSUER", "", "the issuer of an OpenID Connect provider that signs people in"),
    Setting("OIDC_CLIENT_ID", "", "our client id there"),
    Setting("OIDC_CLIENT_SECRET", "", "our client secret there", secret=True),
    Setting("OIDC_NAME", "single sign-on", "what the button on the sign-in page calls it"),
    Setting("OIDC_DOMAINS", "", "e-mail domains whose people get in without an invitation, comma-separated"),
    Setting("OIDC_ROLE", "viewer", "the role that they get"),
    Setting("OIDC_TRUST_EMAIL", "", "1 when the provider verifies addresses without saying so"),
    Setting("REST_LIMIT", "2000", "up to this many changed records are read by REST instead of the Bulk API"),
    Setting("KEEP_DETAILS_DAYS", "90", "days for which is kept what a run found and wrote, record by record; for as "
            "long it can be undone; 0 for ever"),
    Setting("KEEP_CHANGES_DAYS", "396", "days for which changes, runs and settled issues are kept; 0 for ever"),
    Setting("COLLECT_RATE", "50", "web events a second that each process takes from one network for one site; ten "
            "seconds' worth at once"),
    Setting("PERSONALISE_HIDE_MS", "300", "milliseconds for which parts of a page that are personalised wait for us at "
            "most; after that the page stays as it is"),
    Setting("VISIT_TASKS_A_DAY", "1000", "visits of one day (UTC) that become tasks in one connected org, at most; the "
            "others are left out"),
    Setting("COMPANY_DATABASE", "", "a file in MaxMind's format that tells companies by the networks of visitors"),
    Setting("KEEP_EVENTS_MONTHS", "13", "months for which web events are kept; 0 for ever"),
    Setting("LINK_DAYS", "90", "days for which a link of `abmatic link` says who follows it; 0 for ever"),
)  # fmt: skip

_KNOWN = {setting.name for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings, parsed once. What is secret is not part of how it prints."""

    data_dir: Path
    database_url: str | None = field(repr=False)
    base_url: str
    allowed_hosts: tuple[str, ...]
    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    salesforce_extra_hosts: frozenset[str]
    webhook_hosts: frozenset[str]
    demo: bool
    emulator_url: str
    log_level: str
    debug: bool
    trusted_proxies: bool
    import_page_records: int
    import_chunk_bytes: int
    import_file_megabytes: int
    keep_files_days: int
    rest_limit: int
    # None: for ever.
    keep_details_days: int | None
    keep_changes_days: int | None
    keep_events_months: int | None
    # None: for ever.
    link_days: int | None
    collect_rate: int
    personalise_hide_ms: int
    visit_tasks_a_day: int
    company_database: Path | None
    mail: MailServer | None
    identity_provider: IdentityProvider | None

    @property
    def embedded(self) -> bool:
        """True when the database is our own, started from ``data_dir``."""
        return self.database_url is None


def load(source: Mapping[str, str] | None = None) -> Environment:
    """Reads and checks every setting; makes the keys on first use. Raises `SettingError`."""
    values = _collect(os.environ if source is None else source)
    data_dir = Path(values["DATA_DIR"]).expanduser() if values["DATA_DIR"] else default_data_dir()
    base_url = values["BASE_URL"].rstrip("/")
    host = _host(base_url)
    hosts = _split(values["ALLOWED_HOSTS"]) or (host, "127.0.0.1", "localhost", "[::1]")
    return Environment(
        data_dir=data_dir.absolute(),
        database_url=values["DATABASE_URL"] or None,
        base_url=base_url,
        allowed_hosts=hosts,
        secret_key=values["SECRET_KEY"] or _kept_key(data_dir / "secret.key", lambda: secrets.token_urlsafe(50)),
        encryption_keys=_fernet_keys(values["ENCRYPTION_KEYS"], data_dir),
        salesforce_extra_hosts=_hosts("SALESFORCE_EXTRA_HOSTS", values["SALESFORCE_EXTRA_HOSTS"]),
        webhook_hosts=_hosts_and_ports("WEBHOOK_HOSTS", values["WEBHOOK_HOSTS"]),
        demo=_flag("DEMO", values["DEMO"]),
        emulator_url=values["EMULATOR_URL"].rstrip("/"),
        log_level=_level(values["LOG_LEVEL"]),
        debug=_flag("DEBUG", values["DEBUG"]),
        trusted_proxies=_flag("TRUSTED_PROXIES", values["TRUSTED_PROXIES"]),
        import_page_records=_positive("IMPORT_PAGE_RECORDS", values["IMPORT_PAGE_RECORDS"]),
        import_chunk_bytes=_positive("IMPORT_CHUNK_BYTES", values["IMPORT_CHUNK_BYTES"]),
        import_file_megabytes=_positive("IMPORT_FILE_MEGABYTES", values["IMPORT_FILE_MEGABYTES"]),
        keep_files_days=_days("KEEP_FILES_DAYS", values["KEEP_FILES_DAYS"]),
        rest_limit=_positive("REST_LIMIT", values["REST_LIMIT"]),
        **_kept_days(values["KEEP_DETAILS_DAYS"], values["KEEP_CHANGES_DAYS"]),
        keep_events_months=_months("KEEP_EVENTS_MONTHS", values["KEEP_EVENTS_MONTHS"]),
        link_days=_days("LINK_DAYS", values["LINK_DAYS"]) or None,
        collect_rate=_positive("COLLECT_RATE", values["COLLECT_RATE"]),
        personalise_hide_ms=_positive("PERSONALISE_HIDE_MS", values["PERSONALISE_HIDE_MS"]),
        visit_tasks_a_day=_positive("VISIT_TASKS_A_DAY", values["VISIT_TASKS_A_DAY"]),
        company_database=Path(values["COMPANY_DATABASE"]) if values["COMPANY_DATABASE"] else None,
        mail=mail_server(values["SMTP_URL"], values["MAIL_FROM"]),
        identity_provider=identity_provider(values, trusts_email=_flag("OIDC_TRUST_EMAIL", values["OIDC_TRUST_EMAIL"])),
    )


def default_data_dir() -> Path:
    """``.abmatic`` beside the pyproject.toml of a checkout, else the user's data folder."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").exists():
        return checkout / ".abmatic"
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "abmatic"


def parse_database_url(url: str) -> dict[str, object]:
    """Django's DATABASES entry for a ``postgresql://user:password@host:port/name?option=value`` address.

    Parts are percent-encoded, as libpq wants them; a host may be the folder of a Unix socket. Raises `SettingError`,
    which never quotes the address: it holds a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingError(_URL_BROKEN) from None
    if parts.scheme not in {"postgres", "postgresql"}:
        raise SettingError(
            f"DATABASE_URL has the scheme {parts.scheme!r}: only postgresql:// is supported (PostgreSQL 15 or newer)"
        )
    if parts.fragment:
        raise SettingError(_URL_BROKEN)
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    # Not parts.hostname, which is in lower case: a socket's folder is not.
    address = parts.netloc.rpartition("@")[2]
    host = address.partition("]")[0].lstrip("[") if address.startswith("[") else address.partition(":")[0]
    host = unquote(options.pop("host", "") or host)
    port_option = options.pop("port", "")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise SettingError("DATABASE_URL names no database: it must end with /NAME")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or port_option),
        "OPTIONS": {key: unquote(value) for key, value in options.items()},
    }


_URL_BROKEN = (
    "DATABASE_URL can't be read: it must look like postgresql://user:password@host:5432/name, and signs like / # ? @ "
    "in user name or password must be percent-encoded (%2F %23 %3F %40)"
)


def _collect(source: Mapping[str, str]) -> dict[str, str]:
    values = {setting.name: setting.default for setting in SETTINGS}
    values["DATABASE_URL"] = ""
    given: dict[str, str] = {}
    for variable, value in source.items():
        if variable in {"DATABASE_URL", "DATABASE_URL_FILE"}:
            name = variable
        elif variable.startswith("ABMATIC_"):
            name = variable.removeprefix("ABMATIC_")
        else:
            continue
        is_file = name.endswith("_FILE") and name not in _KNOWN
        if is_file:
            name = name.removesuffix("_FILE")
        if name != "DATABASE_URL" and name not in _KNOWN:
            raise SettingError(
                f"{variable} is not a setting of Abmatic; the known ones are "
                + ", ".join(sorted(f"ABMATIC_{known}" for known in _KNOWN))
            )
        # What is set to nothing is not set: compose files do that to what they merely mention.
        if not value:
            continue
        if name in given:
            raise SettingError(f"{given[name]} and {variable} are both set: say which one counts by removing the other")
        given[name] = variable
        values[name] = _read(variable, value) if is_file else value
    return values


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{variable} names {path}, which can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SettingError(f"{variable} names {path}, which is no text file") from None


def _host(base_url: str) -> str:
    """The host of BASE_URL, as Django wants it among the hosts served."""
    try:
        parts = urlsplit(base_url)
        is_origin = parts.scheme in {"http", "https"} and f"{parts.scheme}://{parts.netloc}" == base_url
        is_plain = bool(parts.hostname) and (parts.port is None or parts.port > 0) and "@" not in parts.netloc
    except ValueError:
        is_origin = is_plain = False
    if not (is_origin and is_plain):
        raise SettingError(
            f"ABMATIC_BASE_URL is {base_url!r}: it must look like https://abmatic.example.com, without a path"
        )
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host


def _level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise SettingError(f"ABMATIC_LOG_LEVEL is {text!r}: say DEBUG, INFO, WARNING or ERROR")
    return text.upper()


def _hosts(name: str, text: str) -> frozenset[str]:
    hosts = _split(text)
    for host in hosts:
        if "/" in host or "@" in host or any(character.isspace() for character in host):
            raise SettingError(f"ABMATIC_{name} holds {host!r}: say host or host:port, without http:// and path")
    return frozenset(hosts)


def _hosts_and_ports(name: str, text: str) -> frozenset[str]:
    hosts = frozenset(host.lower() for host in _hosts(name, text))
    for host in hosts:
        if not host.rpartition(":")[2].isdigit() or not host.rpartition(":")[0]:
            raise SettingError(f"ABMATIC_{name} holds {host!r}: say host:port")
    return hosts


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


def _days(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5:
        return int(text)
    raise SettingError(f"ABMATIC_{name} is {text!r}: it must be a number of days")


def _months(name: str, text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 4:
        return int(text) or None
    raise SettingError(f"ABMATIC_{name} is {text!r}: it must be a number of months, or 0 for ever")


def _kept_days(details: str, changes: str) -> dict[str, int | None]:
    """An undo reads both what a run wrote and what it changed, so changes are kept at least as long as details."""
    kept = {}
    for name, text in (("DETAILS", details), ("CHANGES", changes)):
        if not (text.isascii() and text.isdigit() and len(text) <= 5):
            raise SettingError(f"ABMATIC_KEEP_{name}_DAYS is {text!r}: it must be a number of days, or 0 for ever")
        kept[f"keep_{name.lower()}_days"] = int(text) or None
    if kept["keep_changes_days"] and kept["keep_changes_days"] < (kept["keep_details_days"] or 10**6):
        raise SettingError(
            f"ABMATIC_KEEP_CHANGES_DAYS is {changes} and ABMATIC_KEEP_DETAILS_DAYS is {details}: changes must be kept "
            "at least as long as the details of runs, because an undo reads both"
        )
    return kept


def _fernet_keys(text: str, data_dir: Path) -> tuple[str, ...]:
    # The file holds several while `abmatic keys rotate` changes from one to the next.
    file = data_dir / "encryption.key"
    keys = _split(text or _kept_key(file, lambda: Fernet.generate_key().decode()))
    holder = "ABMATIC_ENCRYPTION_KEYS" if text else str(file)
    remedy = "make one with `abmatic keys new`" if text else "restore it from a backup"
    if not keys:
        raise SettingError(f"{holder} holds no key; {remedy}")
    for key in keys:
        try:
            Fernet(key)
        except ValueError:
            # Without its cause, which would show the key.
            raise SettingError(
                f"{holder} holds something that is no Fernet key (32 bytes, url-safe base64); {remedy}"
            ) from None
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
    except UnicodeDecodeError:
        raise SettingError(f"{path} is no text: restore it from a backup, or delete it to make a new key") from None
    if not key:
        raise SettingError(f"{path} is empty: restore it from a backup, or delete it to make a new key")
    return key
