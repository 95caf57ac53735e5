"""The web pages: a module a page, on one layout, under one policy."""

from flask import Flask

from . import (
    account,
    assets,
    digests,
    errors,
    files,
    happened,
    layout,
    mail,
    mailboxes,
    mails,
    overview,
    pages,
    quarantine,
    replays,
    runs,
    scripts,
    scriptsource,
    settings,
    signing,
    tokens,
    users,
    webhooks,
)

#: A page is a module here, its template, and its words in `strings`.
MODULES = (
    overview,
    mails,
    mail,
    pages,
    files,
    digests,
    scripts,
    scriptsource,
    replays,
    runs,
    quarantine,
    happened,
    signing,
    account,
    settings,
    mailboxes,
    tokens,
    webhooks,
    users,
    assets,
)


def register(app: Flask) -> None:
    """Serve the pages."""
    layout.register(app)
    errors.register(app)
    for module in MODULES:
        app.register_blueprint(module.blueprint)
