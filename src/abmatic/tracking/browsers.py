"""What a User-Agent tells: whether it is a bot's, and which browser, system and kind of device."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import ua_parser
from crawlerdetect import CrawlerDetect

# Longer ones are cut: no browser's is.
LONGEST = 512
_KNOWN = 4_096

_detector = CrawlerDetect()
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk(?!.*Mobile)|Android(?!.*Mobile)")
_MOBILE = re.compile(r"Mobi|iPhone|iPod|Windows Phone")


@dataclass(frozen=True, slots=True)
class Browser:
    """As far as it tells."""

    is_bot: bool
    name: str | None = None
    os: str | None = None
    device: str | None = None


@lru_cache(maxsize=_KNOWN)
def browser_of(user_agent: str) -> Browser:
    """What a User-Agent (of at most `LONGEST` letters) tells. One that is missing is a bot's."""
    if not user_agent.strip() or _detector.is_crawler(user_agent):
        return Browser(is_bot=True)
    told = ua_parser.parse(user_agent)
    device = "tablet" if _TABLET.search(user_agent) else "mobile" if _MOBILE.search(user_agent) else "desktop"
    return Browser(
        is_bot=False,
        name=told.user_agent.family if told.user_agent else None,
        os=told.os.family if told.os else None,
        device=device,
    )
