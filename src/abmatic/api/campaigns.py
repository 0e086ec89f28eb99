"""The rules of campaigns: what somebody does on the website, and how far that brings them."""

# No deferred annotations: ninja reads them from the function, not from the module that wraps it.
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Path
from pydantic import AwareDatetime, Field

from abmatic.api.access import OPERATOR, VIEWER
from abmatic.api.problems import PROBLEMS, not_found
from abmatic.api.writing import Answer, IdempotencyKey, writing
from abmatic.campaigns import following, rules
from abmatic.campaigns.models import Campaign, CampaignRule
from abmatic.campaigns.rules import Wanted

router = Router(tags=["Campaigns"])

CampaignId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The campaign's number.")]
RuleId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The rule's number.")]
_Text = Annotated[str, Field(max_length=rules.LONGEST)]


class RuleWanted(Schema):
    """A rule. ``kind``: page, form, event or click (of the campaign's personalised content). ``pattern``: path of the
    page, name of the form or path of its page, name of the event, variant; * stands for anything. Without ``status``
    it is the campaign's default. ``joins``: who isn't in the campaign joins. ``counts_from``: null is now."""

    kind: str = Field(examples=["page"])
    pattern: _Text = Field(default="", examples=["/pricing"])
    status: _Text | None = Field(default=None, examples=["Visited"])
    joins: bool = False
    counts_from: AwareDatetime | None = None

    def wanted(self) -> Wanted:
        """As the domain takes it."""
        return Wanted(self.kind, self.pattern, self.status, self.joins, self.counts_from)


class RuleShown(Schema):
    """A rule. ``people``: how many who are known did what it counts. ``is_looking_back``: it still looks at what was
    done before it was made, and moves nobody meanwhile; ``looked_back_at``: when it was done with that, null where it
    isn't or had nothing to look back at. ``problem``: why nobody moves."""

    id: int
    kind: str
    pattern: str
    status: str | None
    joins: bool
    counts_from: datetime
    people: int
    is_looking_back: bool
    looked_back_at: datetime | None
    problem: str

    @classmethod
    def of(cls, rule: CampaignRule, people: int = 0) -> "RuleShown":
        same = ("kind", "pattern", "status", "joins", "counts_from", "problem")
        return cls(
            id=rule.pk,
            people=people,
            is_looking_back=rule.catches_up_from is not None,
            looked_back_at=rule.caught_up_at if rule.catches_up_from is None else None,
            **{name: getattr(rule, name) for name in same},
        )


class RulesShown(Schema):
    """All rules of a campaign, the oldest first."""

    items: list[RuleShown]


class OutlookShown(Schema):
    """What a rule would do now: people who are known and did it; of these who would join, come further, and stay."""

    did: int
    joining: int
    advancing: int
    staying: int


class Removed(Schema):
    """The number of the rule that is there no more."""

    id: int


@router.get(
    "/campaigns/{campaign_id}/rules", auth=VIEWER, response={200: RulesShown, **PROBLEMS}, operation_id="list_rules"
)
def list_rules(request: HttpRequest, campaign_id: CampaignId) -> Any:
    """What brings members of a campaign further."""
    campaign = find_campaign(campaign_id)
    people = rules.people_counted(campaign)
    return RulesShown(items=[RuleShown.of(rule, people.get(rule.pk, 0)) for rule in rules.of(campaign)])


@router.post(
    "/campaigns/{campaign_id}/rules", auth=OPERATOR, response={201: RuleShown, **PROBLEMS}, operation_id="create_rule"
)
@writing
def create_rule(
    request: HttpRequest, campaign_id: CampaignId, rule: RuleWanted, idempotency_key: IdempotencyKey = None
) -> Answer:
    """Makes a rule. It has its effect within a minute or two; one that counts from an earlier day, once it has looked
    back (`is_looking_back`)."""
    made = rules.add(find_campaign(campaign_id), rule.wanted(), None)
    return Answer(RuleShown.of(made), 201)


@router.post(
    "/campaigns/{campaign_id}/rules/preview",
    auth=OPERATOR,
    response={200: OutlookShown, **PROBLEMS},
    operation_id="preview_rule",
)
def preview_rule(request: HttpRequest, campaign_id: CampaignId, rule: RuleWanted) -> Any:
    """What a rule would do now. Nothing is written."""
    found = following.outlook(rules.rule_of(find_campaign(campaign_id), rule.wanted()))
    return OutlookShown(did=found.did, joining=found.joining, advancing=found.advancing, staying=found.staying)


@router.delete(
    "/campaigns/{campaign_id}/rules/{rule_id}",
    auth=OPERATOR,
    response={200: Removed, **PROBLEMS},
    operation_id="remove_rule",
)
@writing
def remove_rule(
    request: HttpRequest, campaign_id: CampaignId, rule_id: RuleId, idempotency_key: IdempotencyKey = None
) -> Answer:
    """Removes a rule. Members and their statuses stay as they are."""
    rule = CampaignRule.objects.filter(pk=rule_id, campaign_id=campaign_id).first()
    if rule is None:
        raise not_found("rule", rule_id)
    rules.remove(rule)
    return Answer(Removed(id=rule_id))


def find_campaign(number: int) -> Campaign:
    """The campaign of that number. Raises `ApiProblem`."""
    found = Campaign.objects.filter(pk=number).first()
    if found is None:
        raise not_found("campaign", number)
    return found
