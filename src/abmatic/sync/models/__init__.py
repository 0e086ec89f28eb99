"""What the synchronisation stores: connections and settings, mirrors, runs and their findings, writes and issues."""

from abmatic.sync.models.connections import Connection, ConnectionProblem, FieldMapping, Mode, ObjectSetting
from abmatic.sync.models.imports import CrmImport, CrmImportRecord
from abmatic.sync.models.mirrors import (
    MirrorAccount,
    MirrorCampaign,
    MirrorContact,
    MirrorContactRole,
    MirrorLead,
    MirrorMember,
    MirrorMemberStatus,
    MirrorOpportunity,
    MirrorUser,
    Role,
)
from abmatic.sync.models.previews import PreviewJob
from abmatic.sync.models.pushes import Batch, Due, Issue, KeptApart, Write
from abmatic.sync.models.runs import Finding, FullRead, Run
from abmatic.sync.models.selections import SelectedPush, SelectedRecord
from abmatic.sync.models.settings import OrgFields, SettingsChange
from abmatic.sync.models.tours import Tour
from abmatic.sync.models.visits import Installation, VisitTask

__all__ = [
    "Batch",
    "Connection",
    "ConnectionProblem",
    "CrmImport",
    "CrmImportRecord",
    "Due",
    "FieldMapping",
    "Finding",
    "FullRead",
    "Installation",
    "Issue",
    "KeptApart",
    "MirrorAccount",
    "MirrorCampaign",
    "MirrorContact",
    "MirrorContactRole",
    "MirrorLead",
    "MirrorMember",
    "MirrorMemberStatus",
    "MirrorOpportunity",
    "MirrorUser",
    "Mode",
    "ObjectSetting",
    "OrgFields",
    "PreviewJob",
    "Role",
    "Run",
    "SelectedPush",
    "SelectedRecord",
    "SettingsChange",
    "Tour",
    "VisitTask",
    "Write",
]
