"""Numbers on the command line, refused in words that people use."""

from __future__ import annotations

import click


class Number(click.IntRange):
    """A whole number within bounds. click calls what isn't one "not a valid integer range", the bounds aside."""

    name = "whole number"
