"""`python -m api user`: look after who signs in, on the command line."""

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any

from postroom.errors import SettingsError

from ..database import Database
from ..models import User
from . import users

#: Who it was, in the event.
BY = "the command line"


def add_arguments(commands: Any) -> None:
    """Add the command `user`."""
    parser: argparse.ArgumentParser = commands.add_parser("user", help="who signs in")
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="make a user, who signs in on the web pages")
    add.add_argument("name")
    add.add_argument("--role", choices=list(users.ROLES), required=True)
    password = actions.add_parser("password", help="give a user another password")
    password.add_argument("name")
    for each in (add, password):
        each.add_argument(
            "--password-file", type=Path, help="the password's file, instead of a prompt"
        )
    actions.add_parser("remove", help="end a user").add_argument("name")
    actions.add_parser("list", help="names and roles")


def run(args: argparse.Namespace, db: Database) -> None:
    """Do what the command line says."""
    match args.action:
        case "add":
            users.add(db, args.name, _password(args.password_file), args.role, by=BY)
        case "password":
            users.set_password(db, args.name, _password(args.password_file), by=BY)
        case "remove":
            users.remove(db, args.name, by=BY)
        case _:
            for user in User.select().order_by(User.name):
                sys.stdout.write(f"{user.name}\t{user.role}\t{user.created}\n")


def _password(path: Path | None) -> str:
    """From a file or a prompt: an argument would be seen by all on this machine."""
    if path is not None:
        try:
            return path.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as e:
            raise SettingsError(f"--password-file {path}: {e}") from e
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("The same again: ")
    except EOFError as e:
        raise SettingsError("nobody is there to type a password: give --password-file") from e
    if again != password:
        raise SettingsError("these are two different passwords")
    return password
