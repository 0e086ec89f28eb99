"""Faults on request: what makes an org as nasty as a real one can be.

A plan is a list of rules, or ``{"seed": 7, "rules": […]}``: by ``POST /__emulator/faults``, ``--faults FILE``, or the
key ``faults`` of a data file::

    [{"match": {"method": "GET", "path": "/query"}, "after": 2, "times": 1, "action": "status",
      "status": 503, "retry_after": 1}]

``match`` says which calls a rule is about; what it leaves out fits every call:

=========  ==========================================================================================
method     "GET", "POST", …
path       a regular expression searched in path and query string
body       a regular expression searched in the request's body
user       the username or id of whoever calls
under_way  at least so many other calls are being answered at the time
=========  ==========================================================================================

``after`` calls that match pass first; then each is struck with probability ``p`` (default 1), until ``times`` were
struck (0: no end; default 1, and 0 beside ``p`` and for the actions that last).  Every rule draws from a random stream
of its own, made from the plan's seed and the rule's place: the same calls in the same order meet the same faults.

The actions:

================  ==========================================================================================
status            answers ``status`` (default 503) with ``body`` (JSON; default an error list) and ``headers``;
                  ``retry_after``: seconds for the header of that name
html              answers ``status`` (default 200) with an HTML page
unauthorized      answers 401 INVALID_SESSION_ID, once: the session lives on
session_expired   ends every session first
token_revoked     ends every session and refresh token first
limit             answers 403 REQUEST_LIMIT_EXCEEDED; ``which`` limit: "TotalRequests" (default), "ConcurrentRequests",
                  "ConcurrentPerOrgLongTxn"; another ``status``, such as 429; ``retry_after``
slow              waits ``seconds`` (default 1), then answers truly
stalled           sends ``until`` "headers" or "body" (default: half of it), then nothing: until released by
                  ``POST /__emulator/faults/release``, when the rest follows, or for ``seconds`` (default 60), when
                  the connection is closed
cut               sends the true answer's headers and the first ``bytes`` (default half), then closes
wrong_length      tells a Content-Length that is wrong ``by`` so many bytes (default 1; below 0: too short)
reset             closes the connection without a whole answer; ``when``: "before" (default) or "after" the work
locator_expired   lets every open query locator expire first; a locator of a Bulk result that the call names, too
field_missing     takes ``field`` out of the records of the answer (JSON and CSV)
row_count         sets Sforce-NumberOfRecords to ``count`` or takes it away
no_locator        takes the Sforce-Locator header away
job_failed        a Bulk job made by this call ends Failed after a ``share`` of its rows (default 0.5)
job_aborted       a Bulk job made by this call ends Aborted after a ``share`` of its rows (default 0.5)
row_locks         a ``share`` (default 0.1) of the attempts to write a record meets UNABLE_TO_LOCK_ROW: decided by
                  record and attempt, at most for a record's first ``attempts`` (default 0: no end)
lag               queries (REST and Bulk) don't see what was written in the last ``seconds`` (default 5) of the org's
                  clock; a record read by its id is up to date
clock_skew        the call is answered by a machine whose clock is ``seconds`` (default 5) ahead; below 0: behind
================  ==========================================================================================

The last three last: without ``times`` they strike every call that matches, and they leave the call to other rules.  Of
all others the first that strikes a call is the only one that does.  A Bulk job keeps what struck the call that made it.
"""

from salesforce_emulator.faults.bodies import ConnectionReset
from salesforce_emulator.faults.options import ACTIONS
from salesforce_emulator.faults.plan import FaultPlan, Struck
from salesforce_emulator.faults.rules import Asked, BadPlan, Fault

__all__ = ["ACTIONS", "Asked", "BadPlan", "ConnectionReset", "Fault", "FaultPlan", "Struck"]
