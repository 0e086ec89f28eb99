"""Experiences of a campaign: what it changes on a site, for whom, and what came of it."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Path

from abmatic.api.access import OPERATOR, VIEWER, key_of
from abmatic.api.problems import PROBLEMS, ApiProblem, not_found
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.campaigns.models import Campaign
from abmatic.identity.audit import Author
from abmatic.personalisation import managing, previewing, results
from abmatic.personalisation.changes import Change
from abmatic.personalisation.managing import ExperienceRefused
from abmatic.personalisation.models import Experience
from abmatic.personalisation.results import Compared, Group
from abmatic.personalisation.wanted import ExperienceChanged, ExperienceWanted

router = Router(tags=["Experiences"])

CampaignId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The campaign's number.")]
ExperienceId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The experience's number.")]


class VariantShown(Schema):
    """A variant. ``preview``: an address of the site that shows it to whoever opens it, for a week. ``changes`` are
    told as they are stored, also those that the rules of now refuse, which change nothing."""

    id: int
    name: str
    weight: int
    changes: list[Change] | list[dict[str, Any]]
    preview: str


class ExperienceShown(Schema):
    """An experience as it is. ``changed_by``: who changed it last."""

    id: int
    campaign: int
    name: str
    site: int
    pages: list[str]
    collection: int | None
    known: str
    visit: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    starts_at: datetime | None
    ends_at: datetime | None
    control_percent: int
    is_on: bool
    variants: list[VariantShown]
    changed_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, experience: Experience) -> "ExperienceShown":
        plain = (name for name in cls.model_fields if name not in {"id", "campaign", "site", "collection", "variants"})
        return cls(
            id=experience.pk,
            campaign=experience.campaign_id,
            site=experience.site_id,
            collection=experience.collection_id,
            variants=[
                VariantShown(
                    id=each.pk,
                    name=each.name,
                    weight=each.weight,
                    changes=each.changes,
                    preview=previewing.link_of(experience, each),
                )
                for each in experience.variants.all()
            ],
            **{name: getattr(experience, name) for name in plain},
        )


class ExperienceList(Schema):
    """Every experience of a campaign."""

    items: list[ExperienceShown]


class GroupShown(Schema):
    """One group: people who were put into it, who saw it, and who clicked; all impressions and clicks. ``difference``:
    of the share who clicked of those who saw it, to the control group's, with its interval; ``verdict``: better, worse,
    open, few (below the least number of people), or none (nothing to compare)."""

    variant: int | None
    name: str
    assigned: int
    seen: int
    clicked: int
    impressions: int
    clicks: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: str | None = None

    @classmethod
    def of(cls, group: Group, compared: Compared | None = None) -> "GroupShown":
        counts = ("variant", "name", "assigned", "seen", "clicked", "impressions", "clicks")
        told = ("difference", "low", "high", "verdict") if compared else ()
        return cls(
            **{name: getattr(group, name) for name in counts}, **{name: getattr(compared, name) for name in told}
        )


class ResultsShown(Schema):
    """What came of an experience. ``confidence``: of each interval (``method``); ``least``: people who must have seen
    it, in each of two groups, before one is called better or worse."""

    control: GroupShown
    variants: list[GroupShown]
    confidence: float
    method: str = "newcombe_score"
    least: int = results.LEAST


class Removed(Schema):
    """What was removed."""

    id: int
    name: str


_ALL = "/campaigns/{campaign_id}/experiences"
_ONE = _ALL + "/{experience_id}"


@router.get(_ALL, auth=VIEWER, response={200: ExperienceList, **PROBLEMS}, operation_id="list_experiences")
def list_experiences(request: HttpRequest, campaign_id: CampaignId) -> Any:
    """The experiences of a campaign, those made last first."""
    found = _campaign(campaign_id).experiences.select_related("site").prefetch_related("variants").order_by("-pk")
    return ExperienceList(items=[ExperienceShown.of(each) for each in found])


@router.post(_ALL, auth=OPERATOR, response={201: ExperienceShown, **PROBLEMS}, operation_id="create_experience")
@writing
def create_experience(
    request: HttpRequest, campaign_id: CampaignId, wanted: ExperienceWanted, idempotency_key: IdempotencyKey = None
) -> Answer:
    """Makes an experience; with `is_on` it runs at once."""
    try:
        made = managing.add(_campaign(campaign_id), wanted, by=Author(api_key=key_of(request)))
    except ExperienceRefused as refused:
        raise _refused(refused) from None
    return Answer(ExperienceShown.of(_find(campaign_id, made.pk)), 201)


@router.get(_ONE, auth=VIEWER, response={200: ExperienceShown, **PROBLEMS}, operation_id="show_experience")
def show_experience(request: HttpRequest, campaign_id: CampaignId, experience_id: ExperienceId) -> Any:
    """One experience."""
    return ExperienceShown.of(_find(campaign_id, experience_id))


@router.put(_ONE, auth=OPERATOR, response={200: ExperienceShown, **PROBLEMS}, operation_id="change_experience")
@writing
def change_experience(
    request: HttpRequest,
    campaign_id: CampaignId,
    experience_id: ExperienceId,
    wanted: ExperienceChanged,
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    """Makes an experience what is sent, whole. Variants without `id` are new; those that aren't named are removed,
    which is refused where people have seen them. With `updated_at` as it was shown nobody's change is lost: it is
    refused where somebody else has changed the experience since."""
    _find(campaign_id, experience_id)
    try:
        managing.change(experience_id, wanted, by=Author(api_key=key_of(request)), seen=wanted.updated_at)
    except ExperienceRefused as refused:
        raise _refused(refused) from None
    except Experience.DoesNotExist:
        raise not_found("experience", experience_id) from None
    return Answer(ExperienceShown.of(_find(campaign_id, experience_id)))


@router.delete(_ONE, auth=OPERATOR, response={200: Removed, **PROBLEMS}, operation_id="remove_experience")
@writing
def remove_experience(
    request: HttpRequest,
    campaign_id: CampaignId,
    experience_id: ExperienceId,
    idempotency_key: IdempotencyKey = None,
) -> Answer:
    """Removes an experience with its results. To stop it and keep them, change `is_on`."""
    _find(campaign_id, experience_id)
    try:
        name = managing.remove(experience_id, by=Author(api_key=key_of(request)))
    except Experience.DoesNotExist:
        # Somebody else has just removed it.
        raise not_found("experience", experience_id) from None
    return Answer(Removed(id=experience_id, name=name))


@router.get(
    _ONE + "/results", auth=VIEWER, response={200: ResultsShown, **PROBLEMS}, operation_id="show_experience_results"
)
def show_experience_results(request: HttpRequest, campaign_id: CampaignId, experience_id: ExperienceId) -> Any:
    """People, impressions and clicks by variant, against the control group."""
    found = results.results_of(_find(campaign_id, experience_id))
    return ResultsShown(
        control=GroupShown.of(found.control),
        variants=[GroupShown.of(each.group, each) for each in found.variants],
        confidence=found.confidence,
    )


def _campaign(campaign_id: int) -> Campaign:
    campaign = Campaign.objects.filter(pk=campaign_id).first()
    if campaign is None:
        raise not_found("campaign", campaign_id)
    return campaign


def _find(campaign_id: int, experience_id: int) -> Experience:
    found = Experience.objects.filter(pk=experience_id, campaign=campaign_id)
    experience = found.select_related("site").prefetch_related("variants").first()
    if experience is None:
        raise not_found("experience", experience_id)
    return experience


def _refused(refused: ExperienceRefused) -> ApiProblem:
    return ApiProblem(
        422, "refused", "The experience is not saved", str(refused), "Change what is named, then send it again."
    )
