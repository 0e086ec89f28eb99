"""What a wrong setting raises."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured


class SettingError(ImproperlyConfigured):
    """A setting is unknown, missing or malformed. The message names it and says what to do."""
