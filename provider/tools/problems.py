"""What stands between us and a mailbox, in plain words, by what the server or the network said."""

import re
import socket
import ssl
from collections.abc import Iterator

import msgspec

from postroom.errors import SourceError


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, and what to do about it."""

    code: str
    words: str
    remedy: str
    #: What was said in the first place.
    said: str = ""


#: The network's errors, the more special ones first.
_NETWORK: list[tuple[type[BaseException], Problem]] = [
    (socket.gaierror, Problem(
        "name_not_found", "there is no server of that name",
        "look for a slip in server =, and whether this machine has a network",
    )),
    (ssl.SSLCertVerificationError, Problem(
        "certificate", "the server's certificate is not trusted",
        "take the name it is made for in server =, or set ca_file if it is your own authority's",
    )),
    (ssl.SSLError, Problem(
        "no_tls", "the server does not speak TLS there, or none that is safe",
        "look at port = and tls =: 993 and 995 are for ssl, 143 and 110 for starttls",
    )),
    (ConnectionRefusedError, Problem(
        "refused", "nothing listens at that port, or a firewall turns us away",
        "look at server = and port =, and whether IMAP or POP3 is switched on there",
    )),
    (TimeoutError, Problem(
        "no_answer", "the server does not answer in time",
        "look at server = and port =; a firewall may swallow the connection",
    )),
]  # fmt: skip

_DISABLED = Problem(
    "disabled", "this way to the mailbox is switched off for the account",
    "switch on IMAP or POP3 in the settings of the mailbox, on the provider's web pages",
)  # fmt: skip
_OAUTH2 = Problem(
    "oauth2_needed", "this server does not take the account's password",
    "log in by OAuth2, or make an app password where the provider offers them",
)  # fmt: skip
_APP_PASSWORD = Problem(
    "app_password_needed", "this server wants a password made for this program alone",
    "make an app password on the provider's web pages, or log in by OAuth2",
)  # fmt: skip
_UNCLEAR = Problem(
    "password_or_disabled",
    "user name or password are wrong, or IMAP is switched off: the server does not say which",
    "switch on IMAP on the provider's web pages, then look at user name and password",
)
_PASSWORD = Problem(
    "password", "user name or password are wrong",
    "look at imap_credentials.py; many providers want the whole address as user name",
)  # fmt: skip
_TLS_NEEDED = Problem(
    "tls_needed", "the server takes no password on an unencrypted line", "set tls = ssl or starttls"
)
#: What servers say, the more special ones first.
_SAID: list[tuple[re.Pattern[str], Problem]] = [
    (re.compile(pattern, re.I), problem)
    for pattern, problem in [
        (r"invalid credentials or imap is disabled|password.{0,40} or .{0,40}disabled", _UNCLEAR),
        (r"appli?cation[- ](specific )?password|app[- ]password|parol prilozheniya", _APP_PASSWORD),
        (r"\b(imap|pop3?)\b.{0,40}\b(disabled|switched off|deactivated|not enabled|not allowed)"
         r"|not enabled for (imap|pop)|authenticated but not connected", _DISABLED),
        (r"basic ?auth|oauth|web ?login required|\[WEBALERT|via your web browser|less secure",
         _OAUTH2),
        (r"PRIVACYREQUIRED|LOGINDISABLED|plaintext auth\w* (is )?disallowed"
         r"|\b(use|needs?|requires?) (ssl|tls|starttls)", _TLS_NEEDED),
    ]
]  # fmt: skip
#: Servers that stopped to take passwords, and answer as if they were wrong.
_NO_PASSWORDS = re.compile(
    r"\b(outlook|office365|hotmail|live)\.(com|com\.mx)\b|\.outlook\.com", re.I
)
_BUSY = Problem("busy", "the server is busy, or another program has the mailbox", "try later")
_OTHER = Problem("other", "the server says no", "see what it said")


def explain(error: BaseException, title: str) -> Problem:
    """The likeliest cause of an error at a source of that title, with what was said."""
    said = str(error)
    return msgspec.structs.replace(_cause(error, said, title), said=said)


def _cause(error: BaseException, said: str, title: str) -> Problem:
    for each in _chain(error):
        for kind, problem in _NETWORK:
            if isinstance(each, kind):
                return problem
    for pattern, problem in _SAID:
        if pattern.search(said):
            return problem
    if "user name or password refused" in said:
        return _OAUTH2 if _NO_PASSWORDS.search(title) else _PASSWORD
    return _OTHER if isinstance(error, SourceError) else _BUSY


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
