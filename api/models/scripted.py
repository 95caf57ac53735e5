"""Scripts, the slots of their clocks, their runs, and replays over all that is stored."""

import peewee

from .base import BaseModel, Json, database, now
from .house import Task


class Script(BaseModel):
    """A program of the operator's own (the seed's Parser)."""

    name = peewee.TextField(unique=True)
    description = peewee.TextField(default="")
    enabled = peewee.BooleanField(default=True)
    #: api, or folder: its source is a file in a runner's folder.
    origin = peewee.TextField(default="api")
    #: Since when its file is not in the folder; "" while it is.
    gone = peewee.TextField(default="")
    #: The number of the newest version.
    version = peewee.IntegerField(default=0)
    arguments = Json(default={})
    #: Names of secrets; their values are never here.
    secrets = Json(default=[])
    seconds = peewee.FloatField(default=60.0)
    megabytes = peewee.IntegerField(default=512)
    network = peewee.BooleanField(default=False)
    #: The first time of its clock, and seconds between two; "" and 0 for none.
    scheduled_time = peewee.TextField(default="")
    repeat_after = peewee.FloatField(default=0.0)
    cron = peewee.TextField(default="")
    time_zone = peewee.TextField(default="UTC")
    #: Runs for each new mail that this query finds; "*" each mail, "" none.
    on_mail = peewee.TextField(default="")
    #: Runs for each new or changed file of this page; "*" of any, "" none.
    on_file = peewee.TextField(default="")
    #: skip, queue, allow.
    overlap = peewee.TextField(default="skip")
    #: once, all, skip.
    missed = peewee.TextField(default="once")
    retries = peewee.IntegerField(default=0)
    #: What is kept of its runs; 0: all.
    keep_runs = peewee.IntegerField(default=0)
    keep_days = peewee.FloatField(default=0.0)
    keep_megabytes = peewee.FloatField(default=0.0)
    #: All slots up to this time are rows.
    planned = peewee.TextField(default=now)
    #: All events up to this one were looked at.
    event = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "scripts"


class ScriptVersion(BaseModel):
    """A source as it was; kept as long as the script."""

    script = peewee.ForeignKeyField(Script, index=False)
    number = peewee.IntegerField()
    sha256 = peewee.TextField()
    source = peewee.TextField()

    class Meta:
        table_name = "script_versions"
        indexes = ((("script", "number"), True),)


class Run(BaseModel):
    """One run of a script (the seed's ParserRun; its `time` is `created`)."""

    script = peewee.ForeignKeyField(Script, index=False)
    #: That it ran, or the newest one while it waits.
    version = peewee.IntegerField()
    #: pending, completed, error.
    status = peewee.TextField(default="pending")
    #: Why it runs: hand, clock, mail, file, retry.
    kind = peewee.TextField()
    trigger = Json(default={})
    arguments = Json(default={})
    mail = peewee.IntegerField(null=True, column_name="mail_id")
    file = peewee.IntegerField(null=True, column_name="file_id")
    #: The event that it answers.
    event = peewee.BigIntegerField(null=True)
    #: Of a request that may come twice: its key, and a hash of what it asked for.
    key = peewee.TextField(null=True)
    asked = peewee.TextField(default="")
    task = peewee.ForeignKeyField(Task, null=True)
    #: Names the lease of the runner that has it; "" while it waits, and after its end.
    claim = peewee.TextField(default="")
    worker = peewee.TextField(default="")
    #: Hash of the token that the script reads the API with, good as long as the lease.
    token = peewee.TextField(default="")
    attempt = peewee.IntegerField(default=0)
    #: Messages about it that a queue gave up.
    dead_letters = peewee.IntegerField(default=0)
    #: Somebody wants it to end.
    stop = peewee.BooleanField(default=False)
    #: Of the present attempt; "" before.
    started = peewee.TextField(default="")
    ended = peewee.TextField(default="")
    exit_code = peewee.IntegerField(null=True)
    error = peewee.TextField(default="")
    isolation = peewee.TextField(default="")
    #: How the keys of its objects begin; "" where it has none.
    objects = peewee.TextField(default="")
    output_key = peewee.TextField(default="")
    output_size = peewee.BigIntegerField(default=0)
    output_sha256 = peewee.TextField(default="")
    #: Bytes of all its objects.
    size = peewee.BigIntegerField(default=0)
    #: Bytes that the present attempt wrote; more than is kept of a long log.
    log_out = peewee.BigIntegerField(default=0)
    log_err = peewee.BigIntegerField(default=0)
    artefacts = Json(default=[])

    class Meta:
        table_name = "runs"
        indexes = (
            (("script", "id"), False),
            (("script", "status", "id"), False),
            (("script", "kind", "id"), False),
            (("status", "id"), False),
            (("kind", "id"), False),
            (("created", "id"), False),
        )


#: Of these there are few at a time.
_PENDING = peewee.SQL("status = 'pending'")
Run.add_index(Run.index(Run.script, Run.claim, Run.id, where=_PENDING, name="runs_waiting"))
Run.add_index(Run.index(Run.claim, where=peewee.SQL("claim > ''"), name="runs_claim"))
Run.add_index(
    Run.index(Run.script, Run.key, unique=True, where=Run.key.is_null(False), name="runs_key")
)
Run.add_index(
    Run.index(Run.script, Run.event, unique=True, where=Run.event.is_null(False), name="runs_event")
)
Run.add_index(Run.index(Run.mail, Run.id, where=Run.mail.is_null(False), name="runs_mail"))
Run.add_index(Run.index(Run.token, where=peewee.SQL("token <> ''"), name="runs_token"))
#: Most runs are over no file.
Run.add_index(Run.index(Run.file, Run.id, where=Run.file.is_null(False), name="runs_file"))
Run.add_index(Run.index(Run.objects, where=peewee.SQL("objects <> ''"), name="runs_objects"))
Run.add_index(Run.index(Run.id, where=peewee.SQL("dead_letters > 0"), name="runs_dead_letters"))
#: Leases that may run out.
Task.add_index(
    Task.index(Task.lease_until, where=peewee.SQL("state = 'leased'"), name="tasks_leased")
)


class Slot(BaseModel):
    """A moment at which a script's clock struck."""

    script = peewee.ForeignKeyField(Script, index=False)
    slot = peewee.TextField()
    #: run, late, skipped, missed.
    state = peewee.TextField()
    run = peewee.ForeignKeyField(Run, null=True, index=False)

    class Meta:
        table_name = "slots"
        indexes = ((("script", "slot"), True), (("run",), False))


class RunLog(peewee.Model):
    """A piece of what a run wrote."""

    run = peewee.ForeignKeyField(Run, index=False)
    attempt = peewee.IntegerField()
    #: out, err.
    stream = peewee.TextField()
    #: Bytes of the stream before it.
    offset = peewee.BigIntegerField()
    #: Bytes of the text.
    size = peewee.IntegerField()
    #: What follows was not kept.
    cut = peewee.BooleanField(default=False)
    text = peewee.TextField()

    class Meta:
        database = database
        table_name = "run_logs"
        indexes = ((("run", "attempt", "stream", "offset"), True),)


class Replay(BaseModel):
    """A version of a script over all stored mails or files that a filter selects."""

    script = peewee.ForeignKeyField(Script)
    version = peewee.IntegerField()
    arguments = Json(default={})
    #: mails, files.
    of = peewee.TextField()
    filters = Json(default={})
    #: running, completed, stopped.
    state = peewee.TextField(default="running")
    task = peewee.ForeignKeyField(Task, null=True, index=False)
    claim = peewee.TextField(default="")
    #: Items up to this id are chosen so far; the last that there was at its beginning.
    chosen = peewee.BigIntegerField(default=0)
    last = peewee.BigIntegerField(default=0)
    total = peewee.IntegerField(default=0)
    completed = peewee.IntegerField(default=0)
    failed = peewee.IntegerField(default=0)
    #: The replay that it is compared with, and how its results differ.
    previous = peewee.IntegerField(null=True)
    counts = Json(default={})
    ended = peewee.TextField(default="")

    class Meta:
        table_name = "replays"


class ReplayItem(peewee.Model):
    """What a replay made of one mail or file."""

    replay = peewee.ForeignKeyField(Replay, index=False)
    #: The id of the mail or file.
    item = peewee.IntegerField()
    #: "" while it is to be done; completed, error, or absent: only the replay before had it.
    status = peewee.TextField(default="")
    sha256 = peewee.TextField(default="")
    cut = peewee.BooleanField(default=False)
    #: same, added, gone, changed; "" until the end.
    was = peewee.TextField(default="")
    error = peewee.TextField(default="")
    output = peewee.TextField(default="")

    class Meta:
        database = database
        table_name = "replay_items"
        primary_key = peewee.CompositeKey("replay", "item")
        indexes = ((("replay", "status", "item"), False),)
