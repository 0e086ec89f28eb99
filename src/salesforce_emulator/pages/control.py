"""The org's clock and its fault plan, for somebody who shows how an app bears them. Only where /__emulator answers."""

from __future__ import annotations

import json
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for

from salesforce_emulator.clock import ClockRefused
from salesforce_emulator.faults import BadPlan
from salesforce_emulator.pages.setup import only_with_control
from salesforce_emulator.pages.site import Answer, blueprint
from salesforce_emulator.runtime import emulator

_EXAMPLE = '[{"action": "status", "match": {"path": "/query"}, "status": 503, "times": 2}]'
_STEPS = {"1 hour": 3600.0, "1 day": 86_400.0, "7 days": 7 * 86_400.0}


@blueprint.get("/watch/control")
def control() -> str:
    only_with_control()
    return _page("", "")


def _page(problem: str, typed: str) -> str:
    org = emulator()
    clock = org.store.clock
    plan = org.faults.report()
    return render_template(
        "pages/control.html",
        now=clock().strftime("%Y-%m-%d %H:%M:%S"),
        clock=clock,
        steps=_STEPS,
        rules=plan["rules"],
        plan=typed or json.dumps([_as_sent(r) for r in plan["rules"]], indent=1),
        example=_EXAMPLE,
        problem=problem,
    )


def _as_sent(rule: dict[str, object]) -> dict[str, object]:
    return {k: v for k, v in rule.items() if k not in ("seen", "struck", "rows")}


@blueprint.post("/watch/control/clock")
def set_clock() -> Answer:
    """Move the clock, or let it stand or run."""
    only_with_control()
    told = request.form
    try:
        if told.get("to"):
            emulator().store.set_clock(to=datetime.fromisoformat(f"{told['to']}+00:00"), forced="force" in told)
        elif told.get("by") in _STEPS:
            emulator().store.set_clock(by=_STEPS[told["by"]])
        elif told.get("run") in ("yes", "no"):
            emulator().store.set_clock(runs=told["run"] == "yes")
        flash("The clock was set.")
    except (ClockRefused, ValueError) as error:
        flash(str(error), "problem")
    return redirect(url_for("pages.control"))


@blueprint.post("/watch/control/faults")
def set_faults() -> Answer:
    """Lay down another plan, or none."""
    only_with_control()
    typed = request.form.get("plan", "") if "clear" not in request.form else "[]"
    try:
        emulator().faults.set(json.loads(typed))
    except (BadPlan, json.JSONDecodeError) as error:
        return _page(str(error), typed), 422
    if "clear" in request.form:
        emulator().faults.release()
    flash("The plan is in force." if "clear" not in request.form else "All faults have ended.")
    return redirect(url_for("pages.control"))
