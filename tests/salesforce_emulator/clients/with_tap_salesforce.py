"""The command tap-salesforce, its arguments as given, led from https://login.salesforce.com to the org."""

from __future__ import annotations

import requests
import tap_salesforce
import tap_salesforce.salesforce.bulk
from to_the_org import ToTheOrg

_prepare = requests.Session.__init__


def _session(made: requests.Session) -> None:
    _prepare(made)
    made.mount("https://", ToTheOrg())


# The tap makes its sessions itself, and has no setting for the host.
requests.Session.__init__ = _session  # type: ignore[method-assign]
tap_salesforce.salesforce.bulk.BATCH_STATUS_POLLING_SLEEP = 0.05  # seconds, not twenty: nothing takes that long here
tap_salesforce.main()
