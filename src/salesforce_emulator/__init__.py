"""An emulated Salesforce org: OAuth, REST, SOQL and Bulk API 2.0 on SQLite, for development and tests.

Not for production data.  ``python -m salesforce_emulator`` serves one; :func:`create_app` makes the WSGI
application; :mod:`salesforce_emulator.testing` starts one inside a test.
"""

from salesforce_emulator.app import create_app
from salesforce_emulator.oauth.apps import DEFAULT_APP, App
from salesforce_emulator.runtime import Settings
from salesforce_emulator.store import OrgStore

__all__ = ["DEFAULT_APP", "App", "OrgStore", "Settings", "create_app"]
