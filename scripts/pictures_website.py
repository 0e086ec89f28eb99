"""Visits, engagement, attribution, and what a website shows to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pictures_steps import first

if TYPE_CHECKING:
    from pictures import Camera

# A browser that says it has no window is a robot, whose visits aren't counted.
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


def website(camera: Camera) -> None:
    """The year of visits, and an experience that some see."""
    for name, query in {"visitors-all": "", "visitors-companies": "?who=company", "visitors": "?who=person"}.items():
        page = camera.open(f"/visitors/{query}")
        camera.take(name, whole=False, docs=name if name == "visitors" else "")
    page = first(camera, "accounts/?sort=-engagement_score")
    for tab in ("Engagement", "Journey"):
        page.locator("main nav.tabs").get_by_role("link", name=tab, exact=True).click()
        page.wait_for_load_state("networkidle")
        camera.take(tab.lower(), docs=tab.lower())
    page = camera.open("/attribution/")
    page.locator("[data-chart] canvas").wait_for()
    camera.take("attribution", docs="attribution")
    for by in ("campaign", "page"):
        camera.open(f"/attribution/?by={by}")
        camera.take(f"attribution-{by}")
    camera.open("/attribution/settings/")
    camera.take("attribution-settings")
    page = camera.open("/settings/tracking/")
    page.locator("main table").get_by_role("link").first.click()
    camera.take("tracking-site")
    page.get_by_role("link", name="Edit the site").click()
    origin = page.get_by_label("Pages").input_value().split()[0]
    camera.take("tracking-edit")
    _experience(camera, origin)


def _experience(camera: Camera, origin: str) -> None:
    page = first(camera, "campaigns/?sort=-starts")
    page.locator("main nav.tabs").get_by_role("link", name="Web", exact=True).click()
    page.get_by_role("link", name="New experience").click()
    for name, typed in {
        "name": "Facility managers from the advertisement",
        "pages": "/",
        "utm_source": "google",
        "control_percent": "40",
    }.items():
        page.locator(f"#{name}").fill(typed)
    page.locator("#site").select_option("Tidewell (demo)")
    page.get_by_label("On", exact=True).check()
    change = page.get_by_role("group", name="Change 1 of variant").first
    change.get_by_label("Change", exact=True).select_option("Text")
    change.get_by_label("Element").fill(".hero h1")
    change.get_by_label("New text or address").fill("Two hundred buildings, and not one wet ceiling")
    camera.take("experience-edit")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_role("heading", name="Results").wait_for()
    shown = page.url
    for _ in range(14):
        # Each is somebody else; browsers know of an experience once the script was loaded anew.
        somebody = camera.chromium.new_context(user_agent=PERSON)
        visit = somebody.new_page()
        with visit.expect_response(lambda answer: "/collect/" in answer.url):
            visit.goto(f"{origin}/?utm_source=google&utm_medium=cpc")
        visit.wait_for_timeout(2000)
        somebody.close()
    for _ in range(30):
        # The worker counts them every minute.
        page.wait_for_timeout(4000)
        page.goto(shown)
        if all(int(seen) for seen in page.locator(".experience-results tbody td:nth-child(3)").all_inner_texts()):
            break
    camera.take("experience", docs="experience")
