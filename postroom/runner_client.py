"""The API as a runner sees it: typed calls for scripts, runs and replays."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from . import courier, runs
from .api_client import ApiClient
from .runs import Schedule

R = TypeVar("R", bound=msgspec.Struct)


class OpenReplay(msgspec.Struct, frozen=True):
    """A replay that is under way."""

    id: int
    script: str
    left: int = 0


class WaitingRun(msgspec.Struct, frozen=True):
    """A run that is not over."""

    id: int
    phase: str | None = None
    due: str | None = None


class _Waiting(msgspec.Struct, frozen=True):
    items: list[WaitingRun] = []
    next_cursor: str | None = None


class _Schedules(msgspec.Struct, frozen=True):
    items: list[Schedule] = []
    next_cursor: str | None = None


class _Replays(msgspec.Struct, frozen=True):
    items: list[OpenReplay] = []


class RunnerClient(ApiClient):
    """One kept-alive connection of a runner; errors as those of ApiClient."""

    def claim_runs(self, asked: runs.ClaimRuns) -> list[runs.ClaimedRun]:
        """Take runs that are due, the oldest first."""
        return self._typed(runs.ClaimedRuns, "/v1/runs/claim", msgspec.to_builtins(asked)).runs

    def renew_run(self, run: int, told: runs.RenewRun) -> runs.RenewedRun:
        """Keep a lease; RefusedError `lease_lost` when it is gone: kill the script."""
        return self._run(runs.RenewedRun, run, "renew", told)

    def log_run(self, run: int, told: runs.LogPiece) -> runs.LogTaken:
        """Hand over what a script wrote."""
        return self._run(runs.LogTaken, run, "log", told)

    def finish_run(self, run: int, told: runs.FinishRun) -> runs.FinishedRun:
        """Tell how a run ended, once its objects are durable."""
        return self._run(runs.FinishedRun, run, "finish", told)

    def give_back(self, run: int, told: runs.GiveBackRun) -> runs.FinishedRun:
        """Let a run wait again, for whoever can do it."""
        return self._run(runs.FinishedRun, run, "return", told)

    def dead_letter(self, run: int, told: runs.DeadLetter) -> runs.DeadLetters:
        """Tell that the queue gave up a message about the run."""
        return self._run(runs.DeadLetters, run, "dead-letters", told)

    def waiting(self) -> list[WaitingRun]:
        """Runs that wait and are due, the oldest first, for those who send them out."""
        found: list[WaitingRun] = []
        path = cursor = "/v1/runs?status=pending&limit=500&fields=id,phase,due"
        while cursor:
            part = self._typed(_Waiting, cursor, None)
            found += [run for run in part.items if run.phase == "waiting"]
            cursor = f"{path}&cursor={part.next_cursor}" if part.next_cursor else ""
        return found[::-1]

    def schedules(self) -> list[Schedule]:
        """All scripts, for those who watch their clocks."""
        found: list[Schedule] = []
        names = ",".join(Schedule.__struct_fields__)
        path = cursor = f"/v1/scripts?limit=500&fields={names}"
        while cursor:
            part = self._typed(_Schedules, cursor, None)
            found += part.items
            cursor = f"{path}&cursor={part.next_cursor}" if part.next_cursor else ""
        return found

    def slots(self, script: str, told: runs.TellSlots) -> list[runs.ToldSlot]:
        """Tell when a script's clock struck; what becomes of each slot, in order."""
        path = f"{script_path(script)}/slots"
        return self._typed(runs.ToldSlots, path, msgspec.to_builtins(told)).items

    def advance(self) -> runs.Advanced:
        """Have runs made for new mails and files."""
        return self._typed(runs.Advanced, "/v1/scripts/advance", {})

    def folder(self, scripts: Mapping[str, str]) -> list[runs.FolderScript]:
        """Tell all scripts of the folder; what became of each."""
        told = {"scripts": dict(scripts)}
        return self._typed(runs.FolderTaken, "/v1/scripts/folder", told).items

    def open_replays(self) -> Sequence[OpenReplay]:
        """Replays that are under way, the newest first."""
        path = "/v1/replays?state=running&fields=id,script,left"
        return self._typed(_Replays, path, None).items

    def claim_batch(self, replay: int, asked: runs.ClaimBatch) -> runs.ReplayBatch:
        """Take the next items of a replay."""
        path = f"/v1/replays/{replay}/claim"
        return self._typed(runs.ReplayBatch, path, msgspec.to_builtins(asked))

    def tell_items(self, replay: int, told: runs.TellItems) -> runs.ItemsTaken:
        """Tell what came of items; RefusedError `lease_lost` when another has them."""
        path = f"/v1/replays/{replay}/items"
        return self._typed(runs.ItemsTaken, path, msgspec.to_builtins(told))

    def claim_webhook(self, asked: courier.ClaimWebhook) -> list[courier.ClaimedWebhook]:
        """Take a webhook that has something to be sent."""
        told = msgspec.to_builtins(asked)
        return self._typed(courier.ClaimedWebhooks, "/v1/webhooks/claim", told).webhooks

    def renew_webhook(self, webhook: int, told: courier.RenewWebhook) -> courier.ToldDelivery:
        """Keep a lease; RefusedError `lease_lost` when it is gone: send nothing more."""
        path = f"/v1/webhooks/{webhook}/renew"
        return self._typed(courier.ToldDelivery, path, msgspec.to_builtins(told))

    def tell_delivery(
        self, webhook: int, delivery: int, told: courier.TellDelivery
    ) -> courier.ToldDelivery:
        """Tell what came of a delivery."""
        path = f"/v1/webhooks/{webhook}/deliveries/{delivery}/tell"
        return self._typed(courier.ToldDelivery, path, msgspec.to_builtins(told))

    def claim_letter(self, asked: courier.ClaimLetter) -> list[courier.ClaimedLetter]:
        """Take a mail that tells of alarms."""
        told = msgspec.to_builtins(asked)
        return self._typed(courier.ClaimedLetters, "/v1/alarms/claim", told).mails

    def tell_letter(self, mail: int, told: courier.TellLetter) -> courier.LetterTold:
        """Tell whether it went out."""
        path = f"/v1/alarms/mails/{mail}/tell"
        return self._typed(courier.LetterTold, path, msgspec.to_builtins(told))

    def mail(self, id_: int) -> dict[str, Any]:
        """A mail's record."""
        return self._call("GET", f"/v1/mails/{id_}")

    def file(self, id_: int) -> dict[str, Any]:
        """A file's record."""
        return self._call("GET", f"/v1/files/{id_}")

    def _run(self, kind: type[R], run: int, what: str, told: msgspec.Struct) -> R:
        return self._typed(kind, f"/v1/runs/{run}/{what}", msgspec.to_builtins(told))


def script_path(name: str) -> str:
    """The address of a script, without the server."""
    return f"/v1/scripts/{quote(name, safe='')}"
