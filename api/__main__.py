"""python -m api: serve, or look after tokens and the object store."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import peewee

from postroom import daemon, settings
from postroom.credentials import read_private
from postroom.daemon import CheckLine, Daemon
from postroom.errors import PostroomError, RefusedError, SettingsError
from postroom.storage import Storage, open_files, open_mails
from postroom.storage.durable import translated
from postroom.storage.s3_options import SECTION, S3Options

from . import upkeep
from .access import usercommands
from .app import create_app
from .backups import backupcommands
from .database import Database, is_url, open_database
from .inforce import InForce, Kept, page_settings
from .models import Token, database
from .purging import purgecommand, rules
from .rest import security, tokens
from .schema import moving, upgrade
from .schema.migrations import STEPS, migrate, refuse_newer, schema_version
from .search import stems
from .server import serve
from .sources import silence
from .telling.lookout import Lookout

SQLITE_HEAD = b"SQLite format 3\0"


def main(this: Daemon) -> int:
    """Do what the command line says; without a command, serve."""
    options = this.config.section("api", settings.Api)
    db = _database(this)
    match this.args.command:
        case None:
            return _serve(this, options, db)
        case "backup":
            return backupcommands.back_up(this, db)
        case "restore":
            return backupcommands.restore(this, db, is_running=_answers(options))
        case command:
            database.initialize(db)
            migrate(db)
            return _COMMANDS[command](this, db)


def _serve(this: Daemon, options: settings.Api, db: Database) -> int:
    storage, files = open_mails(this.config), open_files(this.config)
    app = create_app(
        db,
        storage,
        options.host,
        options.hosts,
        files=files,
        presigned=options.presigned,
        most_streams=options.streams,
        most_exports=options.exports,
    )
    if is_url(options.database):
        upgrade.use_language(db, options.search_language)
    app.config["IN_FORCE"] = _in_force(this, db, options)
    app.config["SESSION_HOURS"] = options.session_hours
    for name in security.OWN_TOKENS:
        db.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = db.folder / f"{name}.token"
        with db.writing():
            if security.ensure_token(name, file):
                sys.stdout.write(f"API: the {name} token is in {file}\n")
                # A log that is no terminal would hear it at the end only.
                sys.stdout.flush()
    security.check_bind(options.host)
    configured = this.config.named("mailbox").items()
    silence.expect(db, {name: section.get("source", "imap") for name, section in configured})
    watched = this.config.named("page").items()
    silence.expect_pages(db, {name: section.get("url") for name, section in watched})
    upkeep.start(db, storage, files, this.stop, events_days=options.events_days)
    said = rules.read(this.config)
    if this.config.section("retention", settings.Retention).daily:
        upkeep.purge_daily(db, {"mails": storage, "files": files}, said, this.stop)
    lookout = Lookout(db, this.config.section("alarms", settings.Alarms), _disks(this, db))
    upkeep.keep_watch(db, lookout, options.delivered_hours, this.stop)
    # Exports hold threads of their own, so that those who bring mail find theirs free.
    serve(app, options.host, options.port, options.threads + options.exports, this.stop)
    return daemon.Exit.OK


def _in_force(this: Daemon, db: Database, options: settings.Api) -> InForce:
    """What the settings page shows: no token, no key, no password."""
    return InForce(
        database=db.shown,
        address=f"{options.host}:{options.port}",
        threads=options.threads,
        streams=options.streams,
        exports=options.exports,
        presigned=options.presigned,
        events_days=options.events_days,
        delivered_hours=options.delivered_hours,
        session_hours=options.session_hours,
        mails=_kept(this, "mails"),
        files=_kept(this, "files"),
        alarms=this.config.section("alarms", settings.Alarms),
        pages={
            name: page_settings(section.values)
            for name, section in this.config.named("page").items()
        },
        disks=_disks(this, db),
    )


def _kept(this: Daemon, holds: str) -> Kept:
    section = this.config.section("storage", settings.Storage)
    kind: str = getattr(section, holds)
    if kind == "s3":
        bucket = this.config.section(SECTION, S3Options)
        return Kept(kind, f"{bucket.bucket}/{bucket.prefix}")
    return Kept(kind, str(this.config.path_of(getattr(section, f"{holds}_path"))))


def _disks(this: Daemon, db: Database) -> dict[str, Path]:
    """Where this house writes, as far as it is on this machine."""
    kept = this.config.section("storage", settings.Storage)
    spool = this.config.section("master", settings.Master).spool
    paths = {"mails": kept.mails_path, "files": kept.files_path, "spool": spool}
    found = {name: this.config.path_of(path) for name, path in paths.items()}
    return {"database": db.folder, **found}


def _database(this: Daemon) -> Database:
    options = this.config.section("api", settings.Api)
    if is_url(options.database):
        with this.config.blaming("api", "database"):
            return _server(this)
    if options.search_language != stems.SIMPLE:
        raise SettingsError("[api] search_language takes simple alone where SQLite is in use")
    path = this.config.path_of(options.database)
    with this.config.blaming("api", "database"), translated(path):
        _check_place(path)
        return open_database(path)


def _server(this: Daemon) -> Database:
    return _opened(this, this.config.section("api", settings.Api).database)


def _opened(this: Daemon, url: str) -> Database:
    options = this.config.section("api", settings.Api)
    if not is_url(url):
        raise SettingsError("a database on PostgreSQL is named as postgresql://user@host/database")
    password = ""
    if options.database_password_file:
        password = read_private(this.config.path_of(options.database_password_file))
    return open_database(
        url,
        folder=this.config.path_of(options.beside),
        password=password,
        connections=options.database_connections,
    )


def _check_place(path: Path) -> None:
    """Raise an error unless a database is there or can be made; leaves everything as it is."""
    try:
        with path.open("r+b") as file:
            head = file.read(len(SQLITE_HEAD))
    except FileNotFoundError:
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        tempfile.TemporaryFile(dir=folder).close()
    else:
        if head and head != SQLITE_HEAD:
            raise SettingsError(f"{path} is another file, not a database of SQLite")


def _move(this: Daemon, old: Database) -> int:
    options = this.config.section("api", settings.Api)
    if is_url(options.database):
        raise SettingsError("[api] database is on PostgreSQL already: a file of SQLite is moved")
    with this.config.blaming("api", "database"):
        new = _opened(this, this.args.to)
    try:
        moving.begin(old, new)
        moving.copy(old, new)
        if _answers(options):
            sys.stdout.write(
                "What was there is moved. Stop the API now, and run this again: what came "
                "meanwhile follows.\n"
            )
            return daemon.Exit.FAILED
        counts = moving.finish(old, new)
    finally:
        new.close_all()
    rows = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    sys.stdout.write(
        f"Moved and compared, equal by their hashes: {rows}.\n"
        f"Now set in [api]:\ndatabase = {new.shown}\n"
    )
    return daemon.Exit.OK


def _collect(this: Daemon, db: Database) -> int:
    upkeep.collect(db, open_mails(this.config), open_files(this.config))
    return daemon.Exit.OK


def _user(this: Daemon, db: Database) -> int:
    try:
        usercommands.run(this.args, db)
    except RefusedError as e:
        raise SettingsError(str(e)) from e
    return daemon.Exit.OK


def _token(this: Daemon, db: Database) -> int:
    args = this.args
    try:
        match args.action:
            case "new":
                wanted = [each.strip() for each in args.scope.split(",")]
                sys.stdout.write(tokens.make(db, args.name, wanted, by=usercommands.BY) + "\n")
            case "revoke":
                tokens.revoke(db, args.name, own=True, by=usercommands.BY)
            case _:
                for token in Token.select().order_by(Token.name):
                    sys.stdout.write(f"{token.name}\t{','.join(token.scopes)}\t{token.created}\n")
    except RefusedError as e:
        raise SettingsError(str(e)) from e
    return daemon.Exit.OK


_COMMANDS = {
    "move": _move,
    "collect": _collect,
    "purge": purgecommand.run,
    "user": _user,
    "token": _token,
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="command")
    move = commands.add_parser("move", help="bring all of SQLite's database to PostgreSQL")
    move.add_argument("--to", required=True, metavar="URL", help="an empty database there")
    backupcommands.add_arguments(commands)
    purgecommand.add_arguments(commands)
    commands.add_parser("collect", help="delete raw mails and files that no row names")
    actions = commands.add_parser("token", help="keys to the API").add_subparsers(
        dest="action", required=True
    )
    new = actions.add_parser("new", help="make a token and print it, this once")
    new.add_argument("name")
    new.add_argument("--scope", default="read", help="read, ingest, operate, run, admin; by commas")
    actions.add_parser("revoke", help="end a token").add_argument("name")
    actions.add_parser("list", help="names and scopes, never the tokens")
    usercommands.add_arguments(commands)


def _check(this: Daemon) -> list[CheckLine]:
    options = this.config.section("api", settings.Api)
    # Who mistyped a rule hears of it now, not when something should have gone.
    rules.read(this.config)
    return [
        _check_database(this),
        _check_store("storage", lambda: open_mails(this.config)),
        _check_store("files", lambda: open_files(this.config)),
        daemon.check_port("api", options.host, options.port, lambda: _answers(options)),
    ]


def _answers(options: settings.Api) -> bool:
    # Who serves asks nobody, and need not load the library.
    from postroom.api_client import ApiClient  # noqa: PLC0415

    try:
        ApiClient(options.base_url, timeout=3.0).health()
    except PostroomError:
        return False
    return True


def _check_server(this: Daemon) -> CheckLine:
    hint = "look at [api] database, and whether PostgreSQL runs"
    try:
        db = _server(this)
        database.initialize(db)
        line = CheckLine("database", True, f"{db.shown}, {db.described}, {_schema(db)}")
        db.close_all()
    except (PostroomError, OSError, peewee.PeeweeException) as e:
        return CheckLine("database", False, str(e), hint)
    return line


def _check_database(this: Daemon) -> CheckLine:
    if is_url(this.config.section("api", settings.Api).database):
        return _check_server(this)
    path = this.config.path_of(this.config.section("api", settings.Api).database)
    try:
        with translated(path):
            _check_place(path)
        if not path.exists():
            return CheckLine("database", True, f"{path} is not there yet: the first start makes it")
        db = open_database(path)
        database.initialize(db)
        return CheckLine("database", True, f"{path}, {_schema(db)}")
    except (PostroomError, OSError, peewee.PeeweeException) as e:
        return CheckLine("database", False, f"{path}: {e}", "look at [api] database")


def _schema(db: Database) -> str:
    """What is to be said of a database's schema; SettingsError for one that is newer than us."""
    refuse_newer(db)
    version = schema_version()
    if not version:
        return "empty yet: the first start makes the tables"
    return f"schema {version}" + (
        "" if version == len(STEPS) else f", which the next start brings to {len(STEPS)}"
    )


def _check_store(name: str, opened: Callable[[], Storage]) -> CheckLine:
    try:
        store = opened()
    except (PostroomError, OSError) as e:
        return CheckLine(name, False, str(e), "look at [storage]")
    try:
        batch = store.batch()
        return CheckLine(name, True, f"{store.id}, commit {batch}" if batch else store.id)
    finally:
        store.close()


if __name__ == "__main__":
    daemon.run("api", main, check=_check, arguments=_arguments)
