"""By which door a change came: ``ChangeEventHeader.changeOrigin``.

The gate says it for every call; whoever writes in another thread, as a Bulk job does, takes it along.
"""

from __future__ import annotations

from contextvars import ContextVar

change_origin: ContextVar[str] = ContextVar("change_origin", default="")
"""The origin of what this thread writes. Empty for what came by no API."""

FROM_PAGES = "com/salesforce/api/soap/67.0;client=SfdcInternalAPI/"
"""What Salesforce's own pages write."""


def api_origin(api: str, version: str, call_options: str) -> str:
    """The origin of an API call.

    :param api: ``rest``, ``soap``, ``bulkapi``.
    :param version: such as "60.0".
    :param call_options: the header ``Sforce-Call-Options``, such as ``client=Hub, defaultNamespace=x``.
    """
    options = dict(part.strip().partition("=")[::2] for part in call_options.split(","))
    client = next((value.strip() for name, value in options.items() if name.strip().lower() == "client"), "")
    return f"com/salesforce/api/{api}/{version}" + (f";client={client}" if client else "")
