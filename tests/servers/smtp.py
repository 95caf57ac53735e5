"""An SMTP server by aiosmtpd that keeps what comes, with the moods of real ones."""

import asyncio
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.ports import HOST

SECONDS = 10.0


@dataclass(frozen=True)
class Received:
    """One mail as it came, and how."""

    sender: str
    receivers: list[str]
    content: bytes
    #: Who logged in; empty for nobody.
    user: str
    encrypted: bool

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.SMTPUTF8)


class SmtpServer:
    """Listens on a free port of 127.0.0.1; with `tls` by STARTTLS, or from the first byte.

    With `users` (and their passwords) it takes mail from them alone.
    """

    host = HOST

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        implicit: bool = False,
        users: Mapping[str, str] | None = None,
        utf8: bool = True,
    ) -> None:
        self.mails: list[Received] = []
        #: What AUTH, MAIL, RCPT and DATA answer, once each; then what is right.
        self.moods: dict[str, list[str]] = {}
        #: Receivers that are refused, and with what.
        self.refused: dict[str, str] = {}
        #: Of AUTH, MAIL, RCPT and DATA, those that are never answered.
        self.frozen: set[str] = set()
        #: What came: AUTH, MAIL, RCPT and DATA.
        self.commands: list[str] = []
        self.port = 0
        self._tls, self._implicit, self._utf8 = tls, implicit, utf8
        self._users = dict(users or {})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(SECONDS)
        return self

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _open(self) -> None:
        # Not by aiosmtpd's Controller, which cannot choose a free port.
        implicit = self._tls if self._implicit else None
        self._server = await self._loop.create_server(self._session, HOST, 0, ssl=implicit)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    def _session(self) -> SMTP:
        starttls = None if self._implicit else self._tls
        return SMTP(
            _Hooks(self),
            hostname="smtp.example",
            enable_SMTPUTF8=self._utf8,
            tls_context=starttls,
            require_starttls=starttls is not None,
            # It does not know that SMTPS is TLS as well.
            auth_require_tls=starttls is not None,
            authenticator=self._authenticate,
            loop=self._loop,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        user = data.login.decode()
        right = user in self._users and self._users[user] == data.password.decode()
        # handled without success would leave the client without an answer.
        return AuthResult(success=right, handled=right, auth_data=user)

    async def answer(self, command: str) -> Any:
        """What the mood is; MISSING for what is right."""
        self.commands.append(command)
        if command in self.frozen:
            await asyncio.Event().wait()
        moods = self.moods.get(command)
        return moods.pop(0) if moods else MISSING

    def wants_login(self, session: Session) -> bool:
        return bool(self._users) and not session.authenticated

    def keep(self, session: Any, envelope: Envelope) -> None:
        content = envelope.original_content
        assert content is not None
        assert envelope.mail_from is not None
        user = str(session.auth_data or "") if session.authenticated else ""
        encrypted = self._implicit or session.ssl is not None
        self.mails.append(
            Received(envelope.mail_from, list(envelope.rcpt_tos), content, user, encrypted)
        )


# ruff: noqa: N802 - the names are those that aiosmtpd calls
class _Hooks:
    """What aiosmtpd calls, by these names."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def handle_AUTH(self, smtp: SMTP, session: Session, envelope: Envelope, _: Any) -> Any:
        return await self._server.answer("AUTH")

    async def handle_MAIL(
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> Any:
        told = await self._server.answer("MAIL")
        if told is MISSING and self._server.wants_login(session):
            return "530 5.7.0 Authentication required"
        return told

    async def handle_RCPT(
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> Any:
        told = await self._server.answer("RCPT")
        return self._server.refused.get(address, told) if told is MISSING else told

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> Any:
        told = await self._server.answer("DATA")
        if told is MISSING:
            self._server.keep(session, envelope)
        return told
