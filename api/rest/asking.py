"""Routes that ask a daemon for something: who may, what they take, what they answer."""

from collections.abc import Callable
from typing import TypeVar

from flask import Response

from ..models import Task
from .answers import AskedTask
from .asked import Empty
from .bodies import answer
from .contracts import Answer, contract
from .security import scope

V = TypeVar("V", bound=Callable[..., object])


def asks(*errors: str) -> Callable[[V], V]:
    """Who may ask, and the contract of the route; these codes besides the usual ones."""
    told = contract(answers=Answer(AskedTask, 202), body=Empty, errors=errors)
    return lambda view: scope("ingest", "operate")(told(view))


def asked(task: Task) -> Response:
    """What somebody hears who asked."""
    return answer(AskedTask(task=task.id, state=task.state), 202)
