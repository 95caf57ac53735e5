"""/v1/tokens: keys to the API, never shown but once."""

from flask import Blueprint, Response, current_app

from ..models import Token, named
from ..rest import tokens
from ..rest.bodies import answer, body_as
from ..rest.contracts import Answer, contract, lists
from ..rest.paging import cursor, each, limit, page
from ..rest.security import scope

blueprint = Blueprint("tokens", __name__, url_prefix="/v1/tokens")


@blueprint.get("")
@scope("admin")
@lists(tokens.ShownToken)
def list_tokens() -> Response:
    """All tokens by name; what they are themselves is not kept."""
    after, size = cursor(str), limit()
    found = named.listed(Token, after)
    return answer(page(list(found.limit(size + 1)), size, each(tokens.shown), lambda t: [t.name]))


@blueprint.post("")
@contract(
    answers=Answer(tokens.MadeToken, 201),
    body=tokens.NewToken,
    errors=("bad_token", "bad_scope", "name_taken"),
)
def make() -> Response:
    """Make a token; it is shown this once."""
    told = body_as(tokens.NewToken)
    token = tokens.make(current_app.config["DATABASE"], told.name, told.scopes)
    row = tokens.found(told.name)
    made = answer(
        tokens.MadeToken(
            name=row.name, scopes=row.scopes, own=False, created=row.created, token=token
        ),
        201,
    )
    made.headers["Cache-Control"] = "no-store"
    return made


@blueprint.delete("/<name>")
@contract(answers=Answer(tokens.ShownToken), body=tokens.RevokeToken, errors=("own_token",))
def revoke(name: str) -> Response:
    """End a token; who signed in by it is signed out at once."""
    told = body_as(tokens.RevokeToken)
    row = tokens.found(name)
    tokens.revoke(current_app.config["DATABASE"], name, own=told.own)
    return answer(tokens.shown(row))
