"""What the synchronisation stores: connections and settings, mirrors, runs and their findings."""

from abmatic.sync.models.connections import Connection, ConnectionProblem, FieldMapping, Mode, ObjectSetting
from abmatic.sync.models.mirrors import (
    MirrorAccount,
    MirrorContact,
    MirrorContactRole,
    MirrorLead,
    MirrorOpportunity,
    MirrorUser,
    Role,
)
from abmatic.sync.models.runs import Finding, Run

__all__ = [
    "Connection",
    "ConnectionProblem",
    "FieldMapping",
    "Finding",
    "MirrorAccount",
    "MirrorContact",
    "MirrorContactRole",
    "MirrorLead",
    "MirrorOpportunity",
    "MirrorUser",
    "Mode",
    "ObjectSetting",
    "Role",
    "Run",
]
