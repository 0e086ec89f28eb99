"""What is checked of an org and its user, a line each, with a remedy for each line that isn't right."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from abmatic.salesforce import Client, GlobalDescribe, Organization, UserInfo
from abmatic.sync.objects import OBJECTS, SObject

# Editions without API access unless it was bought separately.
_WITHOUT_API = ("Group Edition", "Essentials Edition", "Starter Edition", "Professional Edition")
_INTEGRATION = re.compile(r"integration|interface|\bapi\b|sync|service|abmatic|system|automat|\bbot\b", re.IGNORECASE)


@dataclass(slots=True)
class Findings:
    """The org, the user, and the lines: {"name", "state": ok | warning | failed, "detail", "remedy"}."""

    organization: Organization
    user: UserInfo
    lines: list[dict[str, str]] = field(default_factory=list)

    def say(self, name: str, state: str, detail: str, remedy: str = "") -> None:
        self.lines.append({"name": name, "state": state, "detail": detail, "remedy": remedy})


def check_org(client: Client) -> Findings:
    """Reads the org, the user and what the user may see. Raises the client's errors. About three API calls."""
    findings = Findings(client.organization(), client.userinfo())
    _edition(findings)
    _api(findings, client)
    _user(findings)
    seen = client.describe_global()
    for spec in OBJECTS.values():
        _object(findings, spec, seen)
    return findings


def _edition(findings: Findings) -> None:
    edition = findings.organization.edition or "unknown"
    kind = " (sandbox)" if findings.organization.is_sandbox else ""
    if edition in _WITHOUT_API:
        findings.say(
            "Edition", "warning", f"{edition}{kind}",
            "This edition has API access only as an add-on. It answers now; keep the add-on.",
        )  # fmt: skip
    else:
        findings.say("Edition", "ok", f"{edition}{kind}")


def _api(findings: Findings, client: Client) -> None:
    usage = client.usage
    used = f", {usage.used:,} of {usage.allowed:,} calls used in the last 24 hours" if usage else ""
    detail = f"API version {client.api_version}{used}"
    if usage and usage.share >= 0.8:
        findings.say(
            "API access", "warning", detail,
            "Little of the daily allowance is left. Choose a lower sync frequency, or ask for a higher limit.",
        )  # fmt: skip
    else:
        findings.say("API access", "ok", detail)


def _user(findings: Findings) -> None:
    user = findings.user
    name = f"{user.name} ({user.username})" if user.username else user.name
    if _INTEGRATION.search(f"{user.name} {user.username}"):
        findings.say("Integration user", "ok", name)
    else:
        findings.say(
            "Integration user", "warning", f"{name} looks like a person",
            "Create a dedicated integration user in Salesforce and reconnect with it: the sync then goes on when "
            "somebody leaves, and its changes can be told from people's.",
        )  # fmt: skip


def _object(findings: Findings, spec: SObject, seen: GlobalDescribe) -> None:
    found = seen.objects.get(spec.name)
    if found is None or not found.queryable:
        needed = spec.name in {"Account", "Contact"}
        findings.say(
            spec.label_plural, "failed" if needed else "warning", "can't be read",
            f"Give the user read access to {spec.label_plural} (a permission set with “View All”), "
            "or the system permission “Modify All Data”.",
        )  # fmt: skip
        return
    may = ["read"] + [word for word, allowed in (("create", found.createable), ("edit", found.updateable)) if allowed]
    if spec.rides_with is not None or (found.createable and found.updateable):
        findings.say(spec.label_plural, "ok", ", ".join(may))
    else:
        findings.say(
            spec.label_plural, "warning", f"{', '.join(may)} only",
            f"Importing works. To write {spec.label_plural} to Salesforce later, give the user create and edit access.",
        )  # fmt: skip
