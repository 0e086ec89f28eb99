"""Settings from the environment: a mistake stops the start with a message that names it and shows no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from abmatic.config import environment
from abmatic.config.environment import Environment, SettingError, load, parse_database_url
from abmatic.config.services import IdentityProvider, MailServer

KEY = urlsafe_b64encode(b"k" * 32).decode()
SECRET = "s3cret-p4ss"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data of mine"


def loaded(folder: Path, **names: str) -> Environment:
    return load({"ABMATIC_DATA_DIR": str(folder), "PATH": "/bin", **names})


def test_without_anything_the_defaults_hold(folder: Path) -> None:
    found = loaded(folder)
    assert found.data_dir == folder
    assert found.embedded
    assert found.base_url == "http://127.0.0.1:8000"
    assert found.allowed_hosts == ("127.0.0.1", "127.0.0.1", "localhost", "[::1]")
    assert (found.log_level, found.debug, found.demo, found.trusted_proxies) == ("INFO", False, False, False)
    assert (found.import_page_records, found.import_chunk_bytes, found.rest_limit) == (50_000, 4 * 2**20, 2_000)
    assert (found.keep_details_days, found.keep_changes_days) == (90, 396)
    assert (found.keep_events_months, found.link_days, found.company_database) == (13, 90, None)
    assert (found.import_file_megabytes, found.keep_files_days, found.visit_tasks_a_day) == (500, 7, 1_000)
    assert found.salesforce_extra_hosts == frozenset()


def test_every_setting_of_the_table_is_read(folder: Path) -> None:
    found = loaded(
        folder, DATABASE_URL="postgresql://x/y", ABMATIC_BASE_URL="https://abm.example.com/",
        ABMATIC_ALLOWED_HOSTS=" abm.example.com , .example.org ", ABMATIC_SECRET_KEY=SECRET,
        ABMATIC_ENCRYPTION_KEYS=f" {KEY},", ABMATIC_SALESFORCE_EXTRA_HOSTS="127.0.0.1:9, localhost", ABMATIC_DEMO="Yes",
        ABMATIC_EMULATOR_URL="http://127.0.0.1:9/", ABMATIC_WEBHOOK_HOSTS="Chat.example.com:8065",
        ABMATIC_LOG_LEVEL="debug", ABMATIC_DEBUG="1", ABMATIC_TRUSTED_PROXIES="on", ABMATIC_IMPORT_PAGE_RECORDS="7",
        ABMATIC_IMPORT_CHUNK_BYTES="9", ABMATIC_REST_LIMIT="8", ABMATIC_KEEP_DETAILS_DAYS="5",
        ABMATIC_IMPORT_FILE_MEGABYTES="6", ABMATIC_KEEP_FILES_DAYS="3", ABMATIC_KEEP_EVENTS_MONTHS="4",
        ABMATIC_PERSONALISE_HIDE_MS="250", ABMATIC_VISIT_TASKS_A_DAY="12",
        ABMATIC_COLLECT_RATE="2", ABMATIC_COMPANY_DATABASE="/data/companies.mmdb", ABMATIC_LINK_DAYS="7",
        ABMATIC_KEEP_CHANGES_DAYS="0", ABMATIC_SMTP_URL="smtps://me:word@mail.example.com:465",
        ABMATIC_MAIL_FROM="abm@example.com", ABMATIC_OIDC_ISSUER="https://id.example.com/",
        ABMATIC_OIDC_CLIENT_ID="abm", ABMATIC_OIDC_CLIENT_SECRET="hidden", ABMATIC_OIDC_NAME="Example",
        ABMATIC_OIDC_DOMAINS="example.com", ABMATIC_OIDC_ROLE="operator", ABMATIC_OIDC_TRUST_EMAIL="yes",
    )  # fmt: skip
    assert found == Environment(
        data_dir=folder, database_url="postgresql://x/y", base_url="https://abm.example.com",
        allowed_hosts=("abm.example.com", ".example.org"), secret_key=SECRET, encryption_keys=(KEY,),
        salesforce_extra_hosts=frozenset({"127.0.0.1:9", "localhost"}), demo=True, emulator_url="http://127.0.0.1:9",
        webhook_hosts=frozenset({"chat.example.com:8065"}),
        log_level="DEBUG", debug=True, trusted_proxies=True, import_page_records=7, import_chunk_bytes=9, rest_limit=8,
        import_file_megabytes=6, keep_files_days=3,
        keep_details_days=5, keep_changes_days=None, keep_events_months=4, collect_rate=2,
        personalise_hide_ms=250, visit_tasks_a_day=12,
        company_database=Path("/data/companies.mmdb"), link_days=7,
        mail=MailServer("mail.example.com", 465, "abm@example.com", "me", "word", tls=True),
        identity_provider=IdentityProvider(
            "https://id.example.com", "abm", "hidden", "Example", ("example.com",), "operator", trusts_email=True
        ),
    )  # fmt: skip
    assert not found.embedded
    assert not folder.exists(), "nothing had to be kept"


@pytest.mark.parametrize(("details", "changes"), [("90", "89"), ("0", "396")])
def test_changes_are_kept_as_long_as_an_undo_may_want_them(folder: Path, details: str, changes: str) -> None:
    with pytest.raises(SettingError, match="at least as long as the details of runs"):
        loaded(folder, ABMATIC_KEEP_DETAILS_DAYS=details, ABMATIC_KEEP_CHANGES_DAYS=changes)


def test_a_name_that_is_no_setting_stops_the_start_and_says_which_there_are(folder: Path) -> None:
    with pytest.raises(SettingError, match=r"ABMATIC_BASEURL is not a setting of Abmatic.*ABMATIC_BASE_URL"):
        loaded(folder, ABMATIC_BASEURL="http://x")
    with pytest.raises(SettingError, match="ABMATIC_NONSENSE_FILE is not a setting"):
        loaded(folder, ABMATIC_NONSENSE_FILE="/nowhere")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_URL", "abm.example.com"), ("BASE_URL", "ftp://x"), ("BASE_URL", "https://"), ("BASE_URL", "http://[::1"),
        ("BASE_URL", "http://x:99999"), ("BASE_URL", "http://x:y"), ("BASE_URL", "https://x/under/a/path"),
        ("BASE_URL", "https://me:pw@x"), ("BASE_URL", "https://x?a=b"), ("DEMO", "maybe"), ("DEBUG", "2"),
        ("TRUSTED_PROXIES", "10.0.0.1"), ("LOG_LEVEL", "LOUD"), ("IMPORT_PAGE_RECORDS", "0"),
        ("IMPORT_PAGE_RECORDS", "-5"), ("IMPORT_PAGE_RECORDS", "many"), ("KEEP_FILES_DAYS", "-1"),
        ("IMPORT_FILE_MEGABYTES", "0"),
        ("REST_LIMIT", "1.5"), ("REST_LIMIT", "²"),
        ("KEEP_DETAILS_DAYS", "-1"), ("KEEP_DETAILS_DAYS", "a year"), ("KEEP_CHANGES_DAYS", "999999"),
        ("PERSONALISE_HIDE_MS", "0"), ("VISIT_TASKS_A_DAY", "0"),
        ("KEEP_EVENTS_MONTHS", "-1"), ("COLLECT_RATE", "0"), ("KEEP_EVENTS_MONTHS", "13 months"),
        ("LINK_DAYS", "-1"), ("LINK_DAYS", "a month"),
        ("SALESFORCE_EXTRA_HOSTS", "http://127.0.0.1:9"), ("SALESFORCE_EXTRA_HOSTS", "a.com b.com"),
        ("ENCRYPTION_KEYS", "short"), ("ENCRYPTION_KEYS", f"{KEY},é"), ("ENCRYPTION_KEYS", " , "),
    ],
)  # fmt: skip
def test_a_bad_value_stops_the_start_and_names_its_setting(folder: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"ABMATIC_{name}"):
        loaded(folder, **{f"ABMATIC_{name}": value})


def test_a_base_url_of_ipv6_is_served(folder: Path) -> None:
    assert loaded(folder, ABMATIC_BASE_URL="http://[fd00::1]:8000").allowed_hosts[0] == "[fd00::1]"


# --- from files


def test_any_setting_may_come_from_a_file(folder: Path, tmp_path: Path) -> None:
    for name, text in (("key", f"{SECRET}\n"), ("url", "postgresql://x/y\n"), ("level", "error\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = loaded(
        folder, ABMATIC_SECRET_KEY_FILE=str(tmp_path / "key"), DATABASE_URL_FILE=str(tmp_path / "url"),
        ABMATIC_LOG_LEVEL_FILE=str(tmp_path / "level"),
    )  # fmt: skip
    assert (found.secret_key, found.database_url, found.log_level) == (SECRET, "postgresql://x/y", "ERROR")


def test_a_file_that_cannot_be_read_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        SettingError, match=r"ABMATIC_SECRET_KEY_FILE names .*missing, which can't be read: No such file"
    ):
        loaded(folder, ABMATIC_SECRET_KEY_FILE=str(tmp_path / "missing"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match=r"DATABASE_URL_FILE names .*binary, which is no text file"):
        loaded(folder, DATABASE_URL_FILE=str(tmp_path / "binary"))


def test_a_setting_given_twice_is_refused_in_either_order(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file", encoding="utf-8")
    both = {"ABMATIC_SECRET_KEY": SECRET, "ABMATIC_SECRET_KEY_FILE": str(tmp_path / "key")}
    for names in (both, dict(reversed(both.items()))):
        with pytest.raises(SettingError, match=r"ABMATIC_SECRET_KEY.* are both set") as caught:
            loaded(folder, **names)
        assert SECRET not in str(caught.value)


def test_what_is_set_to_nothing_is_not_set(folder: Path) -> None:
    found = loaded(folder, ABMATIC_SECRET_KEY="", ABMATIC_SECRET_KEY_FILE="", ABMATIC_LOG_LEVEL="", DATABASE_URL="")
    assert (found.log_level, found.embedded, len(found.secret_key) > 50) == ("INFO", True, True)


# --- secrets


def test_the_settings_print_without_what_is_secret(folder: Path) -> None:
    url = f"postgresql://me:{SECRET}@x/y"
    found = loaded(folder, DATABASE_URL=url, ABMATIC_SECRET_KEY=SECRET, ABMATIC_ENCRYPTION_KEYS=KEY)
    assert SECRET not in repr(found)
    assert KEY not in f"{found} {found!r}"


def test_a_message_about_a_bad_key_does_not_show_it(folder: Path) -> None:
    folder.mkdir()
    (folder / "encryption.key").write_text(f"{SECRET}\n", encoding="utf-8")
    with pytest.raises(SettingError, match=r"encryption.key holds something that is no Fernet key") as caught:
        loaded(folder)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# --- keys that are made once


def test_keys_are_made_once_and_kept_for_their_owner_only(folder: Path) -> None:
    first, again = loaded(folder), loaded(folder)
    assert (first.secret_key, first.encryption_keys) == (again.secret_key, again.encryption_keys)
    Fernet(first.encryption_keys[0])
    assert sorted(file.name for file in folder.iterdir()) == ["encryption.key", "secret.key"]
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert loaded(folder.with_name("elsewhere")).secret_key != first.secret_key


def test_processes_that_start_together_end_with_one_key(folder: Path) -> None:
    code = (
        "import sys; sys.stdin.read(1); from abmatic.config.environment import load; "
        "e = load({'ABMATIC_DATA_DIR': sys.argv[1]}); print(e.secret_key, e.encryption_keys)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert len(answers) == 1
    assert "gAAAA" not in (answer := answers.pop())
    assert len(answer) > 60
    assert sorted(file.name for file in folder.iterdir()) == ["encryption.key", "secret.key"]


def test_several_kept_keys_open_what_any_of_them_sealed(folder: Path) -> None:
    folder.mkdir()
    other = Fernet.generate_key().decode()
    (folder / "encryption.key").write_text(f"{KEY},{other}\n", encoding="utf-8")
    assert loaded(folder).encryption_keys == (KEY, other)


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "is no text")])
def test_a_kept_key_that_is_spoilt_is_not_replaced_silently(folder: Path, content: bytes, message: str) -> None:
    """A new key in its place would make every stored secret unreadable."""
    folder.mkdir()
    (folder / "secret.key").write_bytes(content)
    with pytest.raises(SettingError, match=f"secret.key {message}.*restore it from a backup"):
        loaded(folder)
    assert (folder / "secret.key").read_bytes() == content


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingError, match=r"file.*can't be read or made.*Set ABMATIC_DATA_DIR"):
        loaded(tmp_path / "file" / "below")


def test_outside_a_checkout_data_lies_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.default_data_dir() == Path(environment.__file__).resolve().parents[3] / ".abmatic"
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "a" / "b" / "c" / "environment.py"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert environment.default_data_dir() == tmp_path / "share" / "abmatic"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert environment.default_data_dir() == tmp_path / ".local" / "share" / "abmatic"


# --- DATABASE_URL


def entry(
    name: str, user: str = "", password: str = "", host: str = "", port: str = "", **options: str
) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": name, "USER": user, "PASSWORD": password, "HOST": host,
        "PORT": port, "OPTIONS": options,
    }  # fmt: skip


URLS = {
    "postgresql://me:pw@db.example.com:6432/abm": entry("abm", "me", "pw", "db.example.com", "6432"),
    "postgres://me@db/abm": entry("abm", "me", "", "db"),
    "postgresql:///abm": entry("abm"),
    "postgresql://m%40e:p%2Fw%23%3F%25%3A@db/a%20b": entry("a b", "m@e", "p/w#?%:", "db"),
    "postgresql://me@[::1]:6432/abm": entry("abm", "me", "", "::1", "6432"),
    "postgresql://me@/abm?host=/var/run/post%20gres&port=6432": entry("abm", "me", "", "/var/run/post gres", "6432"),
    "postgresql://me@%2Fvar%2FRun%2FPG/abm": entry("abm", "me", "", "/var/Run/PG"),
    "postgresql://db:6432/abm?port=7": entry("abm", "", "", "db", "6432"),
    "postgresql://db/abm?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem&application_name=": entry(
        "abm", "", "", "db", sslmode="verify-full", sslrootcert="/etc/my ca.pem", application_name=""
    ),
    "postgresql://db/abm?options=-c%20search_path%3Dx%26y": entry("abm", "", "", "db", options="-c search_path=x&y"),
}


@pytest.mark.parametrize(("url", "expected"), URLS.items(), ids=URLS.keys())
def test_an_address_of_a_database(url: str, expected: dict[str, object]) -> None:
    assert parse_database_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [f"mysql://me:{SECRET}@db/abm", f"postgresql://me:{SECRET}@db", f"postgresql://me:{SECRET}@db/",
     f"postgresql://me:{SECRET}@db:port/abm", f"postgresql://me:{SECRET}@db:99999/abm",
     f"postgresql://me:{SECRET}#x@db/abm", f"postgresql://me:{SECRET}/x@db/abm", f"postgresql://me:{SECRET}@[::1/abm",
     f"{SECRET}"],
)  # fmt: skip
def test_a_broken_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingError, match="DATABASE_URL") as caught:
        parse_database_url(url)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@given(
    TEXT,
    TEXT,
    TEXT,
    st.one_of(st.just("db.example.com"), st.just("/tmp/A b"), st.just("127.0.0.1")),
    st.integers(1, 65535),
)
def test_whatever_is_percent_encoded_comes_back_as_libpq_reads_it(
    user: str, password: str, name: str, host: str, port: int
) -> None:
    def coded(text: str) -> str:
        return quote(text, safe="")

    url = f"postgresql://{coded(user)}:{coded(password)}@{coded(host)}:{port}/{coded(name)}"
    assert parse_database_url(url) == entry(name, user, password, host, str(port))
    read = psycopg.conninfo.conninfo_to_dict(url)
    assert (read["user"], read["password"], read["dbname"], read["host"]) == (user, password, name, host)


def test_a_bad_setting_ends_the_program_with_its_message_and_no_trace(folder: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ABMATIC_")}
    done = subprocess.run(
        [sys.executable, "-m", "abmatic.cli", "doctor"],
        env={**clean, "ABMATIC_DATA_DIR": str(folder), "ABMATIC_LOG_LEVEL": "LOUD"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "ABMATIC_LOG_LEVEL is 'LOUD'" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
