"""A script with a past, as people find one after some weeks: versions, runs, slots and replays."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from api.models import Run, Script, Slot
from api.schedule import stamp
from postroom import runs
from tests.web.world import World

SOURCE = """\
\"\"\"What the mails of a shop say of orders.\"\"\"

from postroom_script import context, output

for line in context.mail.text.splitlines():
    if line.startswith("Total"):
        output(line)
"""
#: What nobody wants to see run.
NASTY = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"


class Workshop:
    """The script `orders` of a world, and hands that work on it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.scripter = world.scripter
        self.scripter.script(
            "orders",
            SOURCE,
            description="Reads the orders of the shop out of its mails.",
            arguments={"currency": "EUR", "least": 5},
            secrets=["shop_token"],
            cron="*/30 6-20 * * mon-fri",
            time_zone="Europe/Paris",
            on_mail="from:ann",
        )
        self.scripter.put("/v1/scripts/orders/source", {"source": SOURCE + "print('done')\n"})
        self.first = self._past()
        self.scripter.put("/v1/scripts/orders", {"retries": 2})
        self.replays = [self._replay({1: "12 EUR", 2: "7 EUR", 3: "!no total in it"})]
        self.replays.append(self._replay({1: "12 EUR\nVAT 2 EUR", 3: "8 EUR", 4: "1 EUR"}))

    def _past(self) -> int:
        """Some days of runs; the id of the first."""
        ids = []
        for number in range(24):
            failed = number in (7, 8, 19)
            how: dict[str, Any] = {"output": f"order 1: 12 EUR\norder {number}: 7 EUR\n"}
            if failed:
                how = {"status": "error", "exit_code": 1, "error": "ValueError: no total in it"}
            ids.append(self.scripter.done("orders", **how))
        now = datetime.now(UTC)
        with self.world.db.writing():
            script = Script.get(Script.name == "orders")
            for number, id_ in enumerate(ids):
                start = now - timedelta(minutes=30 * (len(ids) - number))
                seconds = 3 + (number * 7 % 11) * 0.9
                at = {"created": stamp(start), "started": stamp(start),
                      "ended": stamp(start + timedelta(seconds=seconds))}  # fmt: skip
                Run.update(**at).where(Run.id == id_).execute()
                state = {5: "skipped", 11: "late", 20: "missed"}.get(number, "run")
                run = None if state in ("skipped", "missed") else id_
                Slot.create(script=script, slot=stamp(start), state=state, run=run)
        return int(ids[0])

    def _replay(self, outputs: dict[int, str]) -> int:
        """A replay over mails 1 to 5, to its end; its id."""
        id_, batch = self.begin_replay()
        self.tell_replay(id_, batch, {item: outputs.get(item, "") for item in batch.items})
        return id_

    def begin_replay(self) -> tuple[int, runs.ReplayBatch]:
        """A replay that goes on, and what its runner got."""
        told = {"mails": {"mailbox": "office"}}
        id_ = self.scripter.post("/v1/scripts/orders/replay", told, 201)["id"]
        return id_, self.claim_replay(id_)

    def claim_replay(self, id_: int) -> runs.ReplayBatch:
        """What a runner gets of a replay."""
        asked = runs.ClaimBatch(worker="courier")
        answer = self.scripter.tell(f"/v1/replays/{id_}/claim", asked)
        return msgspec.convert(answer, runs.ReplayBatch)

    def tell_replay(self, id_: int, batch: runs.ReplayBatch, outputs: dict[int, str]) -> None:
        """What came of items; "!" before a text makes it an error."""
        items = [_result(item, text) for item, text in outputs.items()]
        self.scripter.tell(
            f"/v1/replays/{id_}/items", runs.TellItems(claim=batch.claim, items=items)
        )

    def running(self) -> runs.ClaimedRun:
        """A run that goes on and has written something."""
        id_ = self.scripter.run("orders")["id"]
        (run,) = self.scripter.claim("courier", run=id_)
        self.scripter.log(run, "reading mail 1\nreading mail 2\n")
        return run


_known: dict[str, Workshop] = {}


def workshop(world: World) -> Workshop:
    """The workshop of a world: the same one for all its pages."""
    if world.address not in _known:
        _known[world.address] = Workshop(world)
    return _known[world.address]


def _result(item: int, text: str) -> runs.ItemResult:
    if text.startswith("!"):
        return runs.ItemResult(id=item, status="error", error=text[1:])
    digest = hashlib.sha256(text.encode()).hexdigest() if text else ""
    return runs.ItemResult(id=item, status="completed", output=text, sha256=digest)
