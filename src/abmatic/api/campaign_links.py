"""Linking a campaign with one in Salesforce, unlinking it, creating it there: rules in `sync.campaign_links`."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Path, Query
from pydantic import Field

from abmatic.api.access import OPERATOR, VIEWER, act_of
from abmatic.api.campaigns import CampaignId, find_campaign
from abmatic.api.connections import ConnectionId, find
from abmatic.api.problems import PROBLEMS
from abmatic.api.runs import RunShown, Started
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.sync import campaign_links
from abmatic.sync.links import RecordLink, links_of
from abmatic.sync.models import Run

router = Router(tags=["Campaigns"])

_ID = r"^[A-Za-z0-9]{18}$"
_Connection = Annotated[int, Field(ge=1, le=2**63 - 1, description="The connection's number.")]


class LinkShown(Schema):
    """The campaign in Salesforce that one here is linked with. ``is_deleted``: there; such a link can be taken back."""

    connection: int
    salesforce_id: str
    url: str
    is_deleted: bool

    @classmethod
    def of(cls, link: RecordLink) -> "LinkShown":
        return cls(
            connection=link.connection.pk, salesforce_id=link.sf_id, url=link.url, is_deleted=link.is_deleted
        )  # fmt: skip


class LinksShown(Schema):
    """With what a campaign is linked. ``without``: the connections in whose orgs it is not, and could be."""

    items: list[LinkShown]
    without: list[int]


class CampaignInSalesforce(Schema):
    """A campaign in Salesforce, as it was last read. ``campaign``: the one here that it is linked with; else null."""

    connection: int
    salesforce_id: str
    name: str
    facts: list[str]
    url: str
    campaign: int | None


class CampaignsInSalesforce(Schema):
    """Those that nobody here is linked with come first; more than twenty are found by more of their name."""

    items: list[CampaignInSalesforce]


class CampaignLinkWanted(Schema):
    """Which campaign in Salesforce it is, and of which connection."""

    connection: _Connection
    salesforce_id: Annotated[str, Field(pattern=_ID)]


class CreationWanted(Schema):
    """In which connection's org the campaign is created."""

    connection: _Connection


class Unlinked(Schema):
    """What the campaign isn't linked with any more."""

    connection: int
    salesforce_id: str


@router.get(
    "/salesforce/campaigns",
    auth=OPERATOR,
    response={200: CampaignsInSalesforce, **PROBLEMS},
    operation_id="find_salesforce_campaigns",
)
def find_salesforce_campaigns(
    request: HttpRequest,
    search: Annotated[
        str, Query(max_length=200, pattern=r"^[^\x00]*$", description="A part of the name, or the Id.")
    ] = "",
) -> Any:
    """Campaigns in Salesforce that a campaign here could be linked with. Nothing is asked of Salesforce."""
    shown = [
        CampaignInSalesforce(
            connection=each.connection.pk,
            salesforce_id=each.sf_id,
            name=each.name,
            facts=list(each.facts),
            url=each.url,
            campaign=each.here,
        )
        for each in campaign_links.found(search)
    ]
    return CampaignsInSalesforce(items=shown)


@router.get(
    "/campaigns/{campaign_id}/links",
    auth=VIEWER,
    response={200: LinksShown, **PROBLEMS},
    operation_id="list_campaign_links",
)
def list_campaign_links(request: HttpRequest, campaign_id: CampaignId) -> Any:
    """With which campaigns in Salesforce a campaign is linked, and where it is not."""
    campaign = find_campaign(campaign_id)
    return LinksShown(
        items=[LinkShown.of(link) for link in links_of("campaign", campaign.pk)],
        without=[each.pk for each in campaign_links.orgs_without(campaign)],
    )


@router.post(
    "/campaigns/{campaign_id}/links", auth=OPERATOR, response={201: LinkShown, **PROBLEMS}, operation_id="link_campaign"
)
@writing
def link_campaign(
    request: HttpRequest, campaign_id: CampaignId, wanted: CampaignLinkWanted, idempotency_key: IdempotencyKey = None
) -> Answer:
    """The campaign and one in Salesforce are the same from now on. The next sync of Campaigns brings the members."""
    campaign, connection = find_campaign(campaign_id), find(wanted.connection)
    campaign_links.link(campaign, connection, wanted.salesforce_id, act_of(request))
    (made,) = (
        link
        for link in links_of("campaign", campaign.pk)
        if (link.connection.pk, link.sf_id) == (connection.pk, wanted.salesforce_id)
    )
    return Answer(LinkShown.of(made), 201)


@router.delete(
    "/campaigns/{campaign_id}/links/{connection_id}/{salesforce_id}",
    auth=OPERATOR,
    response={200: Unlinked, **PROBLEMS},
    operation_id="unlink_campaign",
)
@writing
def unlink_campaign(
    request: HttpRequest,
    campaign_id: CampaignId,
    connection_id: ConnectionId,
    salesforce_id: Annotated[str, Path(pattern=_ID)],
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    """Takes a link back: each goes on by itself with its members, and no push creates the campaign there anew."""
    campaign_links.unlink(find_campaign(campaign_id), find(connection_id), salesforce_id, act_of(request))
    return Answer(Unlinked(connection=connection_id, salesforce_id=salesforce_id))


@router.post(
    "/campaigns/{campaign_id}/links/create",
    auth=OPERATOR,
    response={202: Started, **PROBLEMS},
    operation_id="create_campaign_there",
)
@writing
def create_campaign_there(
    request: HttpRequest, campaign_id: CampaignId, wanted: CreationWanted, idempotency_key: IdempotencyKey = None
) -> Answer:
    """Creates the campaign in Salesforce, with its members, by a sync that a worker carries out; without `runs` in the
    answer, by one that is queued already, or the one after it."""
    begun = campaign_links.create(find_campaign(campaign_id), find(wanted.connection), None, trigger=Run.Trigger.API)
    return Answer(Started(runs=[RunShown.of(run) for run in begun]), 202)
