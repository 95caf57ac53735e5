"""Users: names, roles, and passwords of which only a hash is kept."""

from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from postroom.errors import RefusedError

from ..database import Database
from ..log import events
from ..models import Session, User, named, now

#: What each role may do, as scopes of tokens.
ROLES: dict[str, frozenset[str]] = {
    "reader": frozenset({"read"}),
    "operator": frozenset({"read", "operate"}),
    "admin": frozenset({"admin"}),
}
SHORTEST, LONGEST = 10, 1_000
LONGEST_NAME = 100
#: How passwords are hashed: werkzeug's own choice, said here for the next line.
METHOD = "scrypt:32768:8:1"
#: What an unknown name's password is compared with: that takes as long as a known one's.
_NOBODY = f"{METHOD}$nobody${'0' * 128}"


def exist() -> bool:
    """Whether anybody has to sign in."""
    return bool(User.select().exists())


def found(name: str) -> User:
    """The user of that name."""
    return named.found(User, name)


def add(db: Database, name: str, password: str, role: str, **about: Any) -> None:
    """Make a user."""
    _check_name(name)
    _check_role(role)
    digest = _digest(password)
    with db.writing():
        if User.select().where(User.name == name).exists():
            raise RefusedError("name_taken", f"there is a user {name!r}")
        User.create(name=name, password=digest, role=role)
        events.tell("user.changed", user=name, what="added", role=role, **about)


def set_role(db: Database, name: str, role: str, **about: Any) -> None:
    """Give a user another role; they have to sign in again."""
    _check_role(role)
    with db.writing():
        user = found(name)
        if user.role == role:
            return
        _keep_an_admin(user)
        User.update(role=role, changed=now()).where(User.id == user.id).execute()
        _sign_out(user)
        events.tell("user.changed", user=name, what="role", role=role, **about)


def set_password(db: Database, name: str, password: str, **about: Any) -> None:
    """Give a user another password; they have to sign in again."""
    digest = _digest(password)
    with db.writing():
        user = found(name)
        User.update(password=digest, changed=now()).where(User.id == user.id).execute()
        _sign_out(user)
        events.tell("user.changed", user=name, what="password", **about)


def remove(db: Database, name: str, **about: Any) -> None:
    """Remove a user, who is signed out at once."""
    with db.writing():
        user = found(name)
        if User.select().count() > 1:
            _keep_an_admin(user)
        _sign_out(user)
        user.delete_instance()
        events.tell("user.changed", user=name, what="removed", **about)


def verified(name: str, password: str) -> User | None:
    """The user, if the password is theirs; it takes as long for a name that there is not."""
    user: User | None = User.get_or_none(User.name == name)
    is_right = check_password_hash(user.password if user else _NOBODY, password[:LONGEST])
    return user if is_right else None


def _keep_an_admin(user: User) -> None:
    others = User.select().where(User.role == "admin", User.id != user.id)
    if user.role == "admin" and not others.exists():
        raise RefusedError("last_admin", f"{user.name!r} is the last admin: make another one first")


def _sign_out(user: User) -> None:
    Session.delete().where(Session.user == user).execute()


def _check_name(name: str) -> None:
    is_fine = name.isprintable() and name == name.strip() and 0 < len(name) <= LONGEST_NAME
    if not is_fine:
        raise RefusedError("bad_user", f"a name has 1 to {LONGEST_NAME} characters, none hidden")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise RefusedError("bad_role", f"a role is one of {', '.join(ROLES)}, not {role!r}")


def _digest(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise RefusedError("bad_password", f"a password has {SHORTEST} to {LONGEST} characters")
    return generate_password_hash(password, METHOD)
