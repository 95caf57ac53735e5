"""python -m provider login NAME: let the owner of a mailbox log in, and keep the consent."""

import argparse
import base64
import hashlib
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

from postroom import house, logs, oauth2, settings
from postroom.credentials import Credentials
from postroom.daemon import Exit
from postroom.errors import PostroomError, RefusedError, SettingsError, TemporaryError
from postroom.oauth2 import Client, DeviceCode, Tokens

from . import accounts, sources
from .auth import AuthOptions, tokens
from .redirect import Listener, code_of

#: Seconds that somebody has for the login.
PATIENCE = 300.0
#: Longer lines than those no terminal takes whole.
LONGEST_LINE = 16_384
#: Named in the redirect that is pasted: nobody listens there.
PASTE_PORT = 8_400
#: RFC 8628, 3.5.
SLOW_DOWN = 5.0


def main(argv: Sequence[str]) -> int:
    """Do what the command line says; return an exit status."""
    args = parser().parse_args(argv)
    try:
        config = settings.load(args.config)
        logs.configure("warning", None)
        options, found, kind = _mailbox(config, args.name)
        client = tokens.client(options, found, kind)
        kept = tokens.kept(options, found)
        granted = _granted(args, options, client, found.username or "")
        if not granted.refresh:
            raise RefusedError("no_refresh_token", _NO_REFRESH)
        kept.write(granted.refresh)
    except SettingsError as e:
        return _failed(e, Exit.SETTINGS)
    except PostroomError as e:
        return _failed(e, Exit.FAILED)
    except KeyboardInterrupt:
        return Exit.KILLED
    _say(f"{args.name}: logged in; the refresh token is in {kept.path}")
    _say(f"To see whether the mail server takes it: {house.typed('provider')} --check {args.name}")
    return Exit.OK


_NO_REFRESH = (
    "no refresh token was given: the scope must ask for one (often by offline_access), "
    "and a consent given before may have to be taken back first"
)


def _mailbox(config: settings.Config, name: str) -> tuple[AuthOptions, Credentials, str]:
    section = config.named("mailbox").get(name)
    if section is None:
        raise SettingsError(f"{config.shown}: no section [mailbox {name}]")
    with config.blaming(section.name, "source"):
        kind = sources.load(section.get("source", "imap"))
    options = section.convert(kind.Options)
    if not isinstance(options, AuthOptions) or options.auth != "oauth2":
        raise section.error("auth", "only mailboxes with auth = oauth2 need a login")
    found = accounts.find(config, name, options)
    if not found.username:
        raise section.error("auth", "no user name: write it into imap_credentials.py")
    return options, found, kind.kind


def _granted(args: argparse.Namespace, options: AuthOptions, client: Client, user: str) -> Tokens:
    if args.device:
        return by_device(client, options.endpoints.device_url, args.seconds)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    endpoints = options.endpoints
    if not endpoints.authorize_url:
        raise SettingsError("oauth2_authorize_url: missing: it is where the owner logs in")

    def ask(port: int, then: str) -> str:
        redirect = f"http://{endpoints.loopback}:{port}"
        asked = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": redirect,
            "state": state,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            "login_hint": user,
            **({"scope": client.scope} if client.scope else {}),
            **endpoints.extra,
        }
        _say(f"Open this address in a browser and log in as {user}:\n")
        joint = "&" if "?" in endpoints.authorize_url else "?"
        _say(f"{endpoints.authorize_url}{joint}{urlencode(asked)}\n\n{then}")
        return redirect

    if args.paste:
        redirect = ask(args.port or PASTE_PORT, _PASTE)
        code = code_of(sys.stdin.readline(LONGEST_LINE).strip(), state)
    else:
        with _listening(args.port) as listener:
            minutes = max(1, round(args.seconds / 60))
            redirect = ask(listener.port, f"Waiting for it, for at most {minutes} minutes ...")
            code = listener.wait(lambda url: code_of(url, state), args.seconds)
    return oauth2.exchanged(client, code, verifier, redirect)


_PASTE = (
    "The browser ends at a page that it cannot open. "
    "Copy that page's whole address, paste it here and press Enter:"
)


def _listening(port: int) -> Listener:
    try:
        return Listener(port)
    except OverflowError:
        raise SettingsError(f"--port {port}: expected a number up to 65535") from None
    except OSError as e:
        raise SettingsError(f"--port {port}: cannot listen there: {e.strerror}") from e


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def by_device(
    client: Client,
    url: str,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Tokens:
    """Let somebody confirm a code elsewhere, and ask until he did (RFC 8628)."""
    if not url:
        raise SettingsError(
            "no device code for this mail: log in without --device (Google grants mail to "
            "browsers only), or set oauth2_device_url"
        )
    code = oauth2.device_code(client, url)
    _say(f"Open {code.url} on any device, and enter the code {code.user_code}")
    end = clock() + min(seconds, code.expires_in)
    pause = code.interval
    while clock() + pause < end:
        sleep(pause)
        granted, pause = _asked(client, code, pause)
        if granted:
            return granted
    raise RefusedError("expired_token", "nobody confirmed the code in time: begin again")


def _asked(client: Client, code: DeviceCode, pause: float) -> tuple[Tokens | None, float]:
    try:
        return oauth2.for_device(client, code), pause
    except TemporaryError:
        # As RFC 8628 wants it for what cannot be reached.
        return None, pause * 2
    except RefusedError as e:
        if e.code == "slow_down":
            return None, pause + SLOW_DOWN
        if e.code != "authorization_pending":
            raise
        return None, pause


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = argparse.ArgumentParser(
        prog=house.typed("provider login"),
        description="Let the owner of a mailbox log in (OAuth2), and keep the refresh token.",
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="the mailbox, as in [mailbox NAME]")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--paste", action="store_true", help="paste the address that the browser ends at"
    )
    ways.add_argument("--device", action="store_true", help="confirm a code on another device")
    add("--port", type=int, default=0, help="port of 127.0.0.1 for the redirect (default: free)")
    add("--seconds", type=float, default=PATIENCE, help="how long to wait (default: 300)")
    add("--config", type=Path, metavar="PATH", help="settings (default: config.ini)")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _failed(error: PostroomError, status: Exit) -> int:
    sys.stderr.write(f"provider login: {error}\n")
    return status
