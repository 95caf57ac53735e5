"""A Dovecot that takes access tokens which it validates itself."""

import base64
import hashlib
import hmac
import json
import time

from tests.servers.dovecot import Dovecot

KEY = b"0123456789abcdef0123456789abcdef"
_PASSDB = """passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{"""
_VALIDATION = """introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = username
"""


class OAuth2Dovecot(Dovecot):
    """Users log in by password or by one of the mechanisms."""

    def __init__(self, users: dict[str, str], mechanisms: str = "xoauth2 oauthbearer") -> None:
        self._mechanisms = mechanisms
        super().__init__(users)

    def _prepare(self) -> None:
        super()._prepare()
        keys = self.folder / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(base64.b64encode(KEY))
        (self.folder / "oauth2.conf").write_text(_VALIDATION.format(folder=self.folder))
        conf = self.folder / "dovecot.conf"
        text = conf.read_text().replace("plain login\n", f"plain login {self._mechanisms}\n", 1)
        conf.write_text(text.replace("passdb {", _PASSDB.format(folder=self.folder), 1))


def token(user: str, seconds: float, key: bytes = KEY) -> str:
    """An access token that holds for so long (JWT, HS256)."""
    now = time.time()
    claims = {"sub": user, "username": user, "iat": int(now) - 5, "nbf": int(now) - 5}
    claims |= {"exp": int(now + seconds), "scope": "imap", "nonce": str(time.monotonic_ns())}
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "default"}, claims]
    signed = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_base64(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
