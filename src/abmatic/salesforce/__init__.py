"""The Salesforce client: OAuth, REST query, Bulk API 2.0, describe, limits, and what can go wrong.

It stands alone: no Django, nothing of the rest of Abmatic. Begin with ``Client``; ``errors`` draws
the tree of what it raises, grouped by what to do next.
"""

from . import bulk, errors, hosts, oauth, query, reach
from .client import OLDEST_VERSION, TESTED_VERSION, Client, Organization, UserInfo
from .describe import Describe, Field, GlobalDescribe
from .hosts import LoginHost, LoginHosts
from .oauth import OAuthApp
from .retry import RetryPolicy
from .tokens import AccessToken, RefreshingTokens, StaticTokens, Tokens, TokenSource
from .usage import Limit, Usage
from .wire import Call

__all__ = [
    "OLDEST_VERSION",
    "TESTED_VERSION",
    "AccessToken",
    "Call",
    "Client",
    "Describe",
    "Field",
    "GlobalDescribe",
    "Limit",
    "LoginHost",
    "LoginHosts",
    "OAuthApp",
    "Organization",
    "RefreshingTokens",
    "RetryPolicy",
    "StaticTokens",
    "TokenSource",
    "Tokens",
    "Usage",
    "UserInfo",
    "bulk",
    "errors",
    "hosts",
    "oauth",
    "query",
    "reach",
]
