"""What is said of a condition that can't be used."""

from __future__ import annotations


class ConditionRefused(ValueError):
    """The condition can't be used; the message says where in it, and why."""
