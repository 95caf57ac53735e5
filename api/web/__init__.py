"""The web pages: a module a page, on one layout, under one policy."""

from flask import Flask

from . import (
    account,
    assets,
    errors,
    happened,
    layout,
    overview,
    quarantine,
    replays,
    runs,
    scripts,
    scriptsource,
    signing,
    users,
)

#: A page is a module here, its template, and its words in `strings`.
MODULES = (
    overview,
    scripts,
    scriptsource,
    replays,
    runs,
    quarantine,
    happened,
    signing,
    account,
    users,
    assets,
)


def register(app: Flask) -> None:
    """Serve the pages."""
    layout.register(app)
    errors.register(app)
    for module in MODULES:
        app.register_blueprint(module.blueprint)
