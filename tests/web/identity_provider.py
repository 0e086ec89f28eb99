"""A small OpenID Connect provider over real HTTP. It says yes at once, to whoever is set as its person.

It holds the client to what a real one does: client id and secret, redirect URI, PKCE, codes that work once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "abmatic", "a secret of the provider's"


class IdentityProvider:
    """The provider: ``person`` is what it tells about who signs in; ``says_no`` refuses everybody."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.person: dict[str, Any] = {}
        self.says_no = False
        self.audience = CLIENT_ID
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer_get(self)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                provider.answer_token(self, parse_qs(self.rfile.read(length).decode()))

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer_get(self, request: BaseHTTPRequestHandler) -> None:
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        if path == "/.well-known/openid-configuration":
            ends = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
            known = {f"{name}_endpoint": f"{self.url}/{end}" for name, end in ends.items()}
            _json(request, {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **known})
        elif path == "/keys":
            _json(request, {"keys": [self.key.as_dict(private=False)]})
        elif path == "/authorize":
            self._authorize(request, {name: values[0] for name, values in query.items()})
        elif path == "/userinfo":
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            _json(request, self.tokens[token]) if token in self.tokens else request.send_error(401)
        else:
            request.send_error(404)

    def _authorize(self, request: BaseHTTPRequestHandler, asked: dict[str, str]) -> None:
        ok = asked.get("client_id") == CLIENT_ID and asked.get("response_type") == "code"
        if not (ok and asked.get("code_challenge_method") == "S256" and "openid" in asked.get("scope", "")):
            request.send_error(400, "not a request of a client that is known")
            return
        back = {"state": asked["state"]}
        if self.says_no:
            back["error"] = "access_denied"
        else:
            back["code"] = secrets.token_urlsafe(16)
            self.codes[back["code"]] = asked
        request.send_response(302)
        request.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
        request.end_headers()

    def answer_token(self, request: BaseHTTPRequestHandler, form: dict[str, list[str]]) -> None:
        given = {name: values[0] for name, values in form.items()}
        asked = self.codes.pop(given.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        said = request.headers.get("Authorization")
        is_client = given.get("client_secret") == CLIENT_SECRET or said == f"Basic {basic}"
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or not is_client or asked["code_challenge"] != challenge:
            request.send_error(400, "invalid_grant")
            return
        if asked["redirect_uri"] != given.get("redirect_uri"):
            request.send_error(400, "another redirect URI")
            return
        token = secrets.token_urlsafe(16)
        self.tokens[token] = self.person
        claims = {**self.person, "iss": self.url, "aud": self.audience, "iat": 1, "exp": 4_000_000_000}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        _json(request, {"access_token": token, "token_type": "Bearer", "expires_in": 60, "id_token": signed})


def _json(request: BaseHTTPRequestHandler, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
