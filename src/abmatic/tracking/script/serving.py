"""The script as a site's pages load it: with the site's settings in it, without comments, compressed once."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import orjson
import rjsmin

from abmatic.tracking.sites import Site

# Seconds for which browsers use a copy without asking: for as long may changed settings of a site take to arrive.
FRESH = 300
MEDIA_TYPE = "text/javascript; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Served:
    """One site's script."""

    plain: bytes
    gzipped: bytes
    tag: str


def script_of(site: Site, base: str, more: Mapping[str, object]) -> Served:
    """The script of a site. ``base`` is our own address, for pages that don't say where they loaded it from.

    ``more``: what the script needs for the part that personalises (`personalisation.script`).
    """
    settings = {
        "site": site.public_id,
        "base": base,
        "cookies": site.has_cookies,
        "days": site.cookie_days,
        "consent": site.needs_consent,
        "gpc": site.honours_gpc,
        "dnt": site.honours_dnt,
        "forms": site.captures_forms,
        "fields": list(site.captured_fields),
        **more,
    }
    return _served(orjson.dumps(settings))


@lru_cache(maxsize=256)
def _served(settings: bytes) -> Served:
    # Within a page's own script element nothing must end it.
    told = settings.replace(b"<", b"\\u003c")
    return packed(minified("abmatic.tracking.script", "tracker.js").replace(b"__SETTINGS__", told, 1))


def packed(plain: bytes) -> Served:
    """A script, compressed once, with a tag that names what is in it."""
    return Served(plain, gzip.compress(plain, 9, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:20]}"')


@cache
def minified(package: str, file: str) -> bytes:
    """A script of a package without comments and blanks."""
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    return str(rjsmin.jsmin(text)).encode()
