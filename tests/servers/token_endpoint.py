"""An OAuth2 server of few lines: a login page that says yes, tokens, device codes, and moods."""

import base64
import hashlib
import json
import secrets
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


class TokenEndpoint:
    """Listens on a free port of 127.0.0.1."""

    def __init__(
        self,
        access: Callable[[str], str] = "access-of-{}".format,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        #: Makes the access token of a refresh token's user.
        self.access = access
        self.expires_in: Any = 3600
        #: Refresh tokens that hold, and whose they are.
        self.users: dict[str, str] = {}
        #: Whether a refresh token is replaced when it is used.
        self.rotates = False
        self.client_secret = ""
        #: The forms that came to /token.
        self.asked: list[dict[str, str]] = []
        #: Answers that are given before any other: status, and a dict or raw bytes.
        self.moods: list[tuple[int, Any]] = []
        #: The same, for as long as it is set.
        self.mood: tuple[int, Any] | None = None
        self.headers: dict[str, str] = {}
        #: The headers that came.
        self.heard: list[dict[str, str]] = []
        #: Answers wait for this.
        self.going = threading.Event()
        self.going.set()
        #: Codes of the login page: challenge, redirect, user.
        self.codes: dict[str, tuple[str, str, str]] = {}
        #: What the login page was asked.
        self.logins: list[dict[str, str]] = []
        self.device_codes: dict[str, str] = {}
        self.given: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Answers)
        self._server.endpoint = self
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def options(self, **more: Any) -> dict[str, Any]:
        """The keys of a [mailbox NAME] section."""
        return {
            "auth": "oauth2",
            "oauth2_client_id": "client-1",
            "oauth2_token_url": f"{self.url}/token",
            "oauth2_authorize_url": f"{self.url}/authorize",
            "oauth2_device_url": f"{self.url}/device",
            "oauth2_scope": "mail offline_access",
            **more,
        }

    def new(self, user: str) -> str:
        """A refresh token of that user."""
        fresh = f"refresh-{secrets.token_hex(8)}"
        self.users[fresh] = user
        self.given.append(fresh)
        return fresh

    def close(self) -> None:
        self.going.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if path == "/token":
            self.asked.append(form)
        if self.moods:
            return self.moods.pop(0)
        if self.mood:
            return self.mood
        if path == "/device":
            code = secrets.token_hex(8)
            self.device_codes[code] = "work"
            return 200, {
                "device_code": code,
                "user_code": "ABCD-EFGH",
                "verification_uri": f"{self.url}/link",
                "expires_in": 900,
                "interval": 1,
            }
        if self.client_secret and form.get("client_secret") != self.client_secret:
            return 401, {"error": "invalid_client"}
        return self._grant(form)

    def _grant(self, form: dict[str, str]) -> tuple[int, Any]:
        match form["grant_type"].rpartition(":")[2]:
            case "refresh_token":
                return self._refresh(form)
            case "authorization_code":
                return self._exchange(form)
            case "device_code":
                return self._confirm(form)
        return 400, {"error": "unsupported_grant_type"}

    def _refresh(self, form: dict[str, str]) -> tuple[int, Any]:
        user = self.users.get(form["refresh_token"])
        if user is None:
            told = "AADSTS700082: The refresh token " + form["refresh_token"] + " has expired."
            return 400, {"error": "invalid_grant", "error_description": told}
        if self.rotates:
            del self.users[form["refresh_token"]]
            return self._tokens(user, self.new(user))
        return self._tokens(user, "")

    def _exchange(self, form: dict[str, str]) -> tuple[int, Any]:
        challenge, redirect, user = self.codes.pop(form["code"], ("", "", ""))
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not challenge or proof != challenge or redirect != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return self._tokens(user, self.new(user))

    def _confirm(self, form: dict[str, str]) -> tuple[int, Any]:
        user = self.device_codes.pop(form["device_code"])
        return self._tokens(user, self.new(user))

    def _tokens(self, user: str, refresh: str) -> tuple[int, Any]:
        access = self.access(user)
        self.given.append(access)
        told = {"token_type": "Bearer", "access_token": access, "expires_in": self.expires_in}
        return 200, {**told, **({"refresh_token": refresh} if refresh else {})}

    def login(self, query: dict[str, str]) -> str:
        """The owner says yes; where his browser is sent."""
        self.logins.append(query)
        code = f"code-{secrets.token_hex(8)}"
        self.given.append(code)
        assert query["code_challenge_method"] == "S256"
        user = query["login_hint"]
        self.codes[code] = (query["code_challenge"], query["redirect_uri"], user)
        return f"{query['redirect_uri']}/?" + urlencode({"code": code, "state": query["state"]})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    endpoint: TokenEndpoint

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up is no news."""


class _Answers(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.send_response(302)
        self.send_header("Location", self.server.endpoint.login(query))
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        endpoint = self.server.endpoint
        endpoint.heard.append(dict(self.headers))
        endpoint.going.wait(60)
        status, told = endpoint.answer(self.path, form)
        raw = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in endpoint.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        pass
