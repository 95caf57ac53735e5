"""A browser without a screen: its forms, with their tokens, and who signed in."""

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.world import PASSWORD, World

HTML = {"Accept": "text/html"}


def form_token(client: FlaskClient, path: str = "/login") -> str:
    """What the forms of this browser bring along."""
    found = re.search('name="csrf" content="([0-9a-f]+)"', client.get(path, headers=HTML).text)
    assert found
    return found[1]


def send(client: FlaskClient, path: str, status: int = 303, **fields: str) -> TestResponse:
    """Send a form as a browser does."""
    given = {"csrf": form_token(client), **fields}
    answer = client.post(path, data=given, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer


def signed_in(client: FlaskClient, world: World, role: str, name: str = "ann") -> FlaskClient:
    """Somebody new, who has signed in."""
    world.add_user(name, role)
    send(client, "/login", name=name, password=PASSWORD)
    return client


def filled(rule: str, name: str = "nobody") -> str:
    """An address of a route."""
    # Of some words, the first.
    rule = re.sub(r"<any\(['\"]?(\w+)[^>]*>", r"\1", rule)
    return re.sub("<[^:>]+>", name, re.sub("<int:[^>]+>", "999999", rule))
