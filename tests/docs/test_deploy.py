"""The container files: no engine runs in the tests, so what they name is held against what there is."""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatch
from typing import Any

import click
import pytest
import yaml
from django.urls import resolve
from tests.docs.pages import ROOT

from abmatic import __version__
from abmatic.cli.main import abmatic
from abmatic.config.environment import SETTINGS

TEXT = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
COMPOSE_TEXT = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["app", "worker"]


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its arguments; continued lines joined, comments left out."""
    lines = "\n".join(line for line in TEXT.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def of(word: str) -> list[str]:
    """The arguments of every such instruction."""
    return [rest for found, rest in instructions() if found == word]


def reaches_the_build(path: str) -> bool:
    """Whether .dockerignore lets a path through; later patterns win."""
    is_ignored = False
    for pattern in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not pattern or pattern.startswith("#"):
            continue
        bare = pattern.removeprefix("!")
        if fnmatch(path, bare) or path.startswith(f"{bare}/"):
            is_ignored = not pattern.startswith("!")
    return not is_ignored


def parses(line: str) -> None:
    """Raises when the command line isn't one of ours."""
    name, *arguments = shlex.split(line)
    command = abmatic.get_command(click.Context(abmatic), name)
    assert command is not None, name
    command.make_context(name, arguments)


class TestContainerfile:
    def test_what_is_copied_exists_and_reaches_the_build(self) -> None:
        copied = [shlex.split(rest) for rest in of("COPY") if not rest.startswith("--from")]
        sources = [source.rstrip("/") for words in copied for source in words[:-1]]
        assert "src" in sources
        assert [source for source in sources if not (ROOT / source).exists()] == []
        assert [source for source in sources if not reaches_the_build(source)] == []

    def test_nothing_private_reaches_the_build(self) -> None:
        private = [".venv", ".abmatic", ".git", "deploy/secrets", "frontend/node_modules", "tests"]
        assert [path for path in private if reaches_the_build(path)] == []

    def test_what_comes_from_a_stage_comes_from_one_before(self) -> None:
        stages: set[str] = set()
        for word, rest in instructions():
            if word == "FROM" and " AS " in rest:
                stages.add(rest.split(" AS ")[1])
            elif word == "COPY" and rest.startswith("--from="):
                assert rest.split()[0].removeprefix("--from=") in stages

    def test_dependencies_are_installed_by_hash(self) -> None:
        installs = [part for rest in of("RUN") for part in rest.split("&&") if "pip install" in part]
        assert len(installs) == 2
        assert all("--require-hashes" in part or "--no-deps" in part for part in installs)
        assert all(part.split()[1] == "ci" for part in of("RUN") if part.startswith("npm"))

    def test_it_does_not_run_as_root(self) -> None:
        assert of("USER")[-1].split(":")[0] not in {"root", "0"}

    def test_no_secret_is_baked_in(self) -> None:
        secret = {f"ABMATIC_{setting.name}" for setting in SETTINGS if setting.secret} | {"DATABASE_URL"}
        assert [name for name in secret if name in TEXT] == []

    def test_the_health_check_asks_an_address_that_answers(self) -> None:
        (check,) = of("HEALTHCHECK")
        path = re.search(r"http://127\.0\.0\.1:8000(/[^']*)'", check)
        assert path is not None
        assert resolve(path[1]).view_name == "health"

    def test_what_it_starts_is_a_command(self) -> None:
        assert of("ENTRYPOINT") == ['["abmatic"]']
        parses(" ".join(yaml.safe_load(of("CMD")[-1])))


class TestCompose:
    @pytest.mark.parametrize("service", OURS)
    def test_what_a_service_starts_is_a_command(self, service: str) -> None:
        words = " ".join(SERVICES[service]["command"])
        lines = re.findall(r"abmatic ([^&]+)", words) if "entrypoint" in SERVICES[service] else [words]
        assert lines
        for line in lines:
            parses(line)

    def test_the_app_migrates_before_it_serves_and_the_worker_waits(self) -> None:
        assert SERVICES["app"]["command"][0].startswith("abmatic migrate && exec abmatic web")
        assert SERVICES["worker"]["depends_on"] == {"app": {"condition": "service_healthy"}}
        assert SERVICES["app"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}

    @pytest.mark.parametrize("service", OURS)
    def test_secrets_come_from_files_that_are_mounted(self, service: str) -> None:
        environment = SERVICES[service]["environment"]
        files = {name: value for name, value in environment.items() if name.endswith("_FILE")}
        assert {f"/run/secrets/{name}" for name in SERVICES[service]["secrets"]} == set(files.values())
        plain = {f"ABMATIC_{setting.name}" for setting in SETTINGS if setting.secret} | {"DATABASE_URL"}
        assert plain & environment.keys() == set()
        # A mail server and an identity provider are not everybody's.
        elsewhere = {"ABMATIC_SMTP_URL", "ABMATIC_OIDC_CLIENT_SECRET"}
        assert {f"{name}_FILE" for name in plain - elsewhere} == files.keys()

    def test_every_secret_is_declared_made_and_kept_out_of_the_repository(self) -> None:
        used = {name for service in SERVICES.values() for name in service["secrets"]}
        assert used == COMPOSE["secrets"].keys()
        guide = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
        ignored = (ROOT / "deploy" / ".gitignore").read_text(encoding="utf-8").splitlines()
        for name, secret in COMPOSE["secrets"].items():
            assert secret == {"file": f"secrets/{name}"}
            assert f"> secrets/{name}" in guide
        assert "secrets/" in ignored

    def test_the_image_is_built_from_here_and_named_after_the_release(self) -> None:
        for service in OURS:
            build = SERVICES[service]["build"]
            context = (ROOT / "deploy" / build["context"]).resolve()
            assert context == ROOT
            assert (context / build["dockerfile"]).is_file()
            assert SERVICES[service]["image"] == f"abmatic:{__version__}"

    def test_every_service_has_a_health_check_or_says_that_it_has_none(self) -> None:
        assert SERVICES["app"]["healthcheck"]["test"][1:] == yaml.safe_load(of("HEALTHCHECK")[0].split("CMD ")[1])
        assert SERVICES["worker"]["healthcheck"] == {"disable": True}
        assert "pg_isready" in SERVICES["postgres"]["healthcheck"]["test"]

    def test_the_data_is_kept_in_a_volume(self) -> None:
        # From 18 on the official image keeps its data below this folder, and refuses a volume at …/data.
        assert SERVICES["postgres"]["image"].startswith("postgres:18")
        assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
        assert "postgres" in COMPOSE["volumes"]

    def test_nothing_listens_to_the_network_unasked(self) -> None:
        assert SERVICES["app"]["ports"] == ["${PUBLISH:-127.0.0.1:8000}:8000"]
        assert all("ports" not in SERVICES[name] for name in ("worker", "postgres"))

    def test_every_variable_is_explained_and_has_a_default(self) -> None:
        used = re.findall(r"\$\{([A-Z_]+)([^}]*)\}", COMPOSE_TEXT)
        assert used
        head = COMPOSE_TEXT.split("\nname:")[0]
        assert [name for name, rest in used if f"#   {name} " not in head or not rest.startswith(":-")] == []
