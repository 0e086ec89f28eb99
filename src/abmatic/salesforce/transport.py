"""The one place that opens connections: time-outs, pool, and what a network failure means.

Redirects are never followed: a token must not travel to an address nobody has checked. A proxy
named in the environment is used, except for this machine itself.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx2

from . import errors
from .hosts import is_loopback

# Its one line a request shows the whole URL, and so the e-mail addresses in a query's filter. What
# a request was is told by Client(on_call=…), without them.
logging.getLogger("httpx2").setLevel(logging.WARNING)

# Seconds. Salesforce ends a REST query after 120 s of its own; a login answers in far less.
CALL_TIMEOUT = httpx2.Timeout(connect=10.0, read=130.0, write=60.0, pool=120.0)
LOGIN_TIMEOUT = httpx2.Timeout(connect=10.0, read=30.0, write=30.0, pool=30.0)


def open_client(
    origin: str,
    transport: httpx2.BaseTransport | None,
    *,
    user_agent: str,
    timeout: httpx2.Timeout,
    connections: int,
) -> httpx2.Client:
    """A client for one origin. gzip is asked for; no cookie is kept."""
    trust_env = not is_loopback(urlsplit(origin).hostname or "")
    return httpx2.Client(
        base_url=origin,
        transport=transport,
        timeout=timeout,
        limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=30.0),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
        follow_redirects=False,
        trust_env=trust_env,
        verify=_tls(trust_env),
    )


@cache
def _tls(trust_env: bool) -> ssl.SSLContext:
    """Read once: it takes longer than a call. New authorities are known after the next start."""
    return httpx2.create_ssl_context(trust_env=trust_env)


@contextmanager
def network_errors() -> Iterator[None]:
    """Turns what the HTTP library raises into Transient errors.

    A failure to connect is known not to have carried out anything; every later one is not.
    """
    try:
        yield
    except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as fault:
        raise errors.TimedOut(_said(fault)) from fault
    except httpx2.TimeoutException as fault:
        raise errors.TimedOut(_said(fault), outcome_unknown=True) from fault
    except (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol) as fault:
        raise errors.ConnectionBroken(_said(fault)) from fault
    except httpx2.DecodingError as fault:
        raise errors.BadAnswer(f"damaged compression: {fault}", outcome_unknown=True) from fault
    except httpx2.RequestError as fault:
        raise errors.ConnectionBroken(_said(fault), outcome_unknown=True) from fault


def _said(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__
