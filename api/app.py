"""The application: routes, rules and errors put together."""

from collections.abc import Iterable

from flask import Flask

from postroom.net import is_loopback
from postroom.storage import Storage

from . import measured, web
from .database import Database
from .inforce import InForce
from .models import database
from .rest import compress, contracts, followed, problems, security
from .rest.bodies import MAX_BODY
from .rest.routing import LateRule
from .schema.migrations import migrate
from .scripting.compiling import MAX_SOURCE
from .streams import Streams
from .views import (
    alarms,
    attention,
    browse,
    digests,
    exports,
    files,
    health,
    log,
    mailboxes,
    mails,
    metrics,
    pages,
    places,
    reparse,
    replays,
    retries,
    runs,
    scripts,
    seed,
    threads,
    tokens,
    webhooks,
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
    webhooks,
    tokens,
    alarms,
    attention,
    log,
    retries,
    reparse,
    health,
    metrics,
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
    most_streams: int = 64,
    most_exports: int = 4,
) -> Flask:
    """Bind the tables to `db`, bring it up to date, and return the WSGI application.

    `storage` keeps raw mails, `files` watched files: without it the same does. `hosts` are names
    beside localhost that the API answers for. With `presigned` a storage that can gives files out
    itself. So many streams of events and exports are open at a time.
    """
    database.initialize(db)
    migrate(db)
    app = Flask("api", static_folder=None)
    app.url_rule_class = LateRule
    app.config.update(
        DATABASE=db,
        STORAGE=storage,
        FILES=files or storage,
        PRESIGNED=presigned,
        IN_FORCE=InForce(),
        STREAMS=Streams(most_streams),
        EXPORTS=exports.Turns(most_exports),
        LOOPBACK=is_loopback(host),
        HOSTS=frozenset(name.lower() for name in (host, *hosts)),
        MAX_CONTENT_LENGTH=MAX_BODY,
        # A script's source, in a form.
        MAX_FORM_MEMORY_SIZE=2 * MAX_SOURCE,
    )
    followed.register(app)
    measured.register(app)
    problems.register(app)
    security.register(app)
    contracts.register(app)
    compress.register(app)
    app.teardown_appcontext(lambda _: db.release())
    for module in MODULES:
        app.register_blueprint(module.blueprint)
    web.register(app)
    return app
