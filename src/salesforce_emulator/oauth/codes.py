"""Authorization codes: each is good once, and not for long."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """An authorization code's meaning."""

    client_id: str
    user_id: str
    redirect_uri: str
    scope: str
    challenge: str
    expires: float


class Codes:
    """Authorization codes: each is good once, and not for long. Thread-safe."""

    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}
        self._lock = threading.Lock()

    def issue(self, code: Code) -> str:
        text = f"aPrx{secrets.token_urlsafe(48)}=="
        with self._lock:
            self._codes[text] = code
        return text

    def take(self, text: str) -> Code | None:
        with self._lock:
            return self._codes.pop(text, None)
