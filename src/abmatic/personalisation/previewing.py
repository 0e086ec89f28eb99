"""Links that show one variant on one's own site: nobody is assigned anything, and nothing is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core import signing

from abmatic.personalisation.models import Experience, Variant
from abmatic.personalisation.paths import example_of
from abmatic.personalisation.running import as_running

# What the script looks for in a page's address.
PARAMETER = "abmatic_preview"
LIVES = timedelta(days=7)
_SALT = "abmatic.personalisation.preview"


def token_of(variant: Variant) -> str:
    """What a link carries: signed, so that only links made here show anything, and only for a week."""
    return signing.dumps(variant.pk, salt=_SALT)


def link_of(experience: Experience, variant: Variant) -> str:
    """An address of one of the experience's pages that shows a variant."""
    origin = experience.site.origins[0].replace("://*.", "://www.")
    return f"{origin}{example_of(experience.pages[0])}?{PARAMETER}={token_of(variant)}"


def shown_by(token: str, site_id: int) -> dict[str, Any] | None:
    """What a link's token shows on a site, as the script reads it; None where it shows nothing (any more)."""
    try:
        variant_id = signing.loads(token, salt=_SALT, max_age=LIVES)
    except signing.BadSignature:
        return None
    found = Variant.objects.filter(pk=variant_id, experience__site=site_id).select_related("experience").first()
    if found is None or found.experience.removed_at is not None:
        return None
    changes = as_running(found.experience).changes_of(found.pk)
    return {"id": found.experience_id, "variant": found.pk, "changes": changes}
