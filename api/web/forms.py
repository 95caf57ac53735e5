"""Forms: what was sent, what was wrong with which field, and where to go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Response, make_response, redirect, render_template, request

from postroom.errors import RefusedError

from ..rest.problems import status_of
from .layout import FLASH, set_cookie


class Form:
    """One form as it was sent; `errors` say what is wrong, by the names of fields."""

    def __init__(self, *secret: str) -> None:
        self._secret = secret
        self.errors: dict[str, str] = {}
        self.status = 200

    def __getitem__(self, name: str) -> str:
        """What a field holds; "" where nothing was sent."""
        return request.form.get(name, "")

    def shown(self, name: str, default: str = "") -> str:
        """What a field shows when the page comes back: never a password."""
        return "" if name in self._secret else request.form.get(name, default)

    @contextmanager
    def blaming(self, codes: dict[str, str], default: str = "") -> Iterator[None]:
        """Show a RefusedError at the field that its code stands for; others go on."""
        try:
            yield
        except RefusedError as e:
            name = codes.get(e.code, default)
            if not name:
                raise
            self.refuse(name, str(e), status_of(e.code))

    def refuse(self, name: str, reason: str, status: int = 400) -> None:
        """Say what is wrong with a field."""
        # The search has a label here; "q" is its name for programs.
        reason = reason.removeprefix("q, ")
        self.errors[name] = reason[:1].upper() + reason[1:] + ("" if reason[-1] in ".!?" else ".")
        self.status = status

    @property
    def is_fine(self) -> bool:
        """Whether nothing was wrong."""
        return not self.errors


def shown(template: str, form: Form, **more: Any) -> Response:
    """The page again, with what was wrong at its field."""
    return make_response(render_template(template, form=form, **more), form.status)


def done(location: str, message: str = "") -> Response:
    """Go on after a form was sent, and tell there what was done (a key of `strings`)."""
    response = make_response(redirect(location, 303))
    if message:
        set_cookie(response, FLASH, message, 60)
    return response


def local(path: str) -> str:
    """A path of our own to go to; the overview for all else."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and "\\" not in path else "/"
