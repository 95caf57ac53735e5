"""Objects that somebody copies just now: until then none is deleted whose rows went meanwhile."""

from datetime import UTC, datetime, timedelta

from ..database import Database
from ..models import Fact, now
from ..schedule import stamp

NAME = "objects_held_until"
#: Whoever dies over the work holds them no longer than this.
HELD = timedelta(hours=6)


def hold(db: Database) -> None:
    """Hold them from now on; say it again before HELD is over."""
    until = stamp(datetime.now(UTC) + HELD)
    with db.writing():
        Fact.insert(name=NAME, value=until).on_conflict(
            conflict_target=[Fact.name], update={Fact.value: until}
        ).execute()


def let_go(db: Database) -> None:
    """Hold them no longer."""
    with db.writing():
        Fact.delete().where(Fact.name == NAME).execute()


def are_held() -> bool:
    """Whether what rows no longer name is to be left to a later collection.

    Asked in the transaction that deletes the rows: what a copy names was there when it was held.
    """
    until = Fact.select(Fact.value).where(Fact.name == NAME).scalar()
    return until is not None and until > now()
