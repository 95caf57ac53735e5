"""The application: routes, rules and errors put together."""

from collections.abc import Iterable

from flask import Flask

from postroom.net import is_loopback
from postroom.storage import Storage

from . import compress, contracts, problems, security
from .bodies import MAX_BODY
from .database import Database
from .migrations import migrate
from .models import database
from .views import (
    browse,
    digests,
    exports,
    files,
    health,
    log,
    mailboxes,
    mails,
    pages,
    places,
    reparse,
    replays,
    retries,
    runs,
    scripts,
    seed,
    threads,
)

MODULES = (
    seed,
    mailboxes,
    places,
    mails,
    threads,
    exports,
    pages,
    files,
    digests,
    scripts,
    runs,
    replays,
    log,
    retries,
    reparse,
    health,
    browse,
)


def create_app(
    db: Database,
    storage: Storage,
    host: str = "127.0.0.1",
    hosts: Iterable[str] = (),
    *,
    files: Storage | None = None,
    presigned: bool = False,
) -> Flask:
    """Bind the tables to `db`, bring it up to date, and return the WSGI application.

    `storage` keeps raw mails, `files` watched files: without it the same does. `hosts` are names
    beside localhost that the API answers for. With `presigned` a storage that can gives files out
    itself.
    """
    database.initialize(db)
    migrate(db)
    app = Flask("api", static_folder=None)
    app.config.update(
        DATABASE=db,
        STORAGE=storage,
        FILES=files or storage,
        PRESIGNED=presigned,
        LOOPBACK=is_loopback(host),
        HOSTS=frozenset(name.lower() for name in (host, *hosts)),
        MAX_CONTENT_LENGTH=MAX_BODY,
    )
    problems.register(app)
    security.register(app)
    contracts.register(app)
    compress.register(app)
    app.teardown_appcontext(lambda _: db.release())
    for module in MODULES:
        app.register_blueprint(module.blueprint)
    return app
