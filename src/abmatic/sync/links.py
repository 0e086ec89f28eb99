"""Which Salesforce records a local record is linked to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from abmatic.sync.models import (
    Connection,
    MirrorAccount,
    MirrorCampaign,
    MirrorContact,
    MirrorLead,
    MirrorOpportunity,
    Role,
)
from abmatic.sync.models.mirrors import Mirror

MIRRORS: dict[str, tuple[tuple[str, type[Mirror]], ...]] = {
    "account": (("Account", MirrorAccount),),
    "contact": (("Contact", MirrorContact), ("Lead", MirrorLead)),
    "opportunity": (("Opportunity", MirrorOpportunity),),
    "campaign": (("Campaign", MirrorCampaign),),
}


@dataclass(frozen=True, slots=True)
class RecordLink:
    """One linked Salesforce record. ``url`` opens it in Salesforce."""

    connection: Connection
    sobject: str
    sf_id: str
    url: str
    role: Role
    is_deleted: bool
    modstamp: datetime


def links_of(record: str, local_id: int) -> list[RecordLink]:
    """Every link of a local record ("account", "contact", "opportunity", "campaign"), primaries first."""
    links = [
        RecordLink(
            mirror.connection,
            sobject,
            mirror.sf_id,
            f"{mirror.connection.instance_url}/{mirror.sf_id}",
            Role(mirror.role),
            mirror.is_deleted,
            mirror.modstamp,
        )
        for sobject, model in MIRRORS[record]
        for mirror in model._default_manager.filter(local_id=local_id).select_related("connection")
    ]
    return sorted(links, key=lambda link: (link.is_deleted, link.role != Role.PRIMARY, link.sf_id))
