"""Settings: what is in force, never a secret."""

from flask import Blueprint, Response, current_app, make_response, render_template

import postroom

from .. import inforce
from ..models import Event
from ..rest.security import LOCAL_NAMES, page
from ..running import attendance
from ..schema.migrations import schema_version

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


@blueprint.get("")
@page("admin")
def index() -> Response:
    """What is in force."""
    config = current_app.config
    started: inforce.InForce = config["IN_FORCE"]
    stores = [
        ("mails", started.mails, config["STORAGE"].id),
        ("files", started.files, config["FILES"].id),
    ]
    return make_response(
        render_template(
            "settings.html",
            in_force=started,
            program=postroom.__version__,
            schema=schema_version(),
            stores=stores,
            is_loopback=config["LOOPBACK"],
            hosts=sorted(config["HOSTS"] | LOCAL_NAMES),
            isolations=inforce.isolations(),
            runner_seen=attendance.last_heard(),
            disks=inforce.disks(started),
            oldest=Event.select(Event.created).order_by(Event.id).limit(1).scalar(),
        )
    )
