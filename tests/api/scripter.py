"""What operators and runners say to the API of scripts, in the words of the tests."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from api.models import Event, Run, Script, Task
from api.rest.security import new_token
from api.schedule import stamp
from postroom import runs
from tests.api.caller import Caller

SOURCE = "from postroom_script import output\noutput('hello')\n"


def ago(**by: float) -> str:
    """A time that has passed, as the tables keep times."""
    return stamp(datetime.now(UTC) - timedelta(**by))


class Scripter:
    """An operator with the admin token, and a runner with its own."""

    def __init__(self, api: Caller) -> None:
        self.api = api
        with api.db.writing():
            self.admin = self._header(new_token("boss", ["admin"]))
            self.runner = self._header(new_token("courier", ["run", "read"]))

    @staticmethod
    def _header(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def get(self, path: str, status: int = 200) -> Any:
        return self.api.get(path, status)

    def post(self, path: str, value: Any, status: int = 200, **headers: str) -> Any:
        return self.api.post(path, value, status, **self.admin, **headers)

    def put(self, path: str, value: Any, status: int = 200) -> Any:
        return self.ask("PUT", path, value, status)

    def delete(self, path: str, status: int = 200) -> Any:
        return self.ask("DELETE", path, {}, status)

    def ask(self, method: str, path: str, value: Any, status: int) -> Any:
        response = self.api.client.open(
            path, method=method, json=msgspec.to_builtins(value), headers=self.admin
        )
        assert response.status_code == status, response.text
        return response.json

    def tell(self, path: str, value: Any, status: int = 200) -> Any:
        """Say something as a runner."""
        return self.api.post(path, value, status, **self.runner)

    def mail(self, *numbers: int) -> None:
        """Mails that come one after another, so that their ids are their numbers."""
        for number in numbers:
            self.api.push(number)

    def script(self, name: str = "prices", source: str = SOURCE, **settings: Any) -> Any:
        return self.post("/v1/scripts", {"name": name, "source": source, **settings}, 201)

    def run(self, name: str = "prices", status: int = 201, key: str = "", **told: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.post(f"/v1/scripts/{name}/run", told, status, **headers)

    def claim(self, worker: str = "a", **more: Any) -> list[runs.ClaimedRun]:
        asked = runs.ClaimRuns(worker=worker, **more)
        answer = self.tell("/v1/runs/claim", asked)
        return msgspec.convert(answer, runs.ClaimedRuns).runs

    def renew(self, run: runs.ClaimedRun, status: int = 200) -> Any:
        return self.tell(f"/v1/runs/{run.run}/renew", runs.RenewRun(claim=run.claim), status)

    def log(self, run: runs.ClaimedRun, text: str, offset: int = 0, status: int = 200,
            stream: Any = "out") -> Any:  # fmt: skip
        told = runs.LogPiece(claim=run.claim, stream=stream, offset=offset, text=text)
        return self.tell(f"/v1/runs/{run.run}/log", told, status)

    def finish(self, run: runs.ClaimedRun, http: int = 200, *, output: str = "", **more: Any
               ) -> Any:  # fmt: skip
        fields: dict[str, Any] = {"status": "completed", "exit_code": 0, "isolation": "none"}
        if output:
            fields["output"] = self.put_object(run, "output.txt", output)
        told = runs.FinishRun(claim=run.claim, **{**fields, **more})
        return self.tell(f"/v1/runs/{run.run}/finish", told, http)

    def put_object(self, run: runs.ClaimedRun, name: str, content: str) -> runs.Object:
        data = content.encode()
        key = f"runs/{run.run}/{run.attempt}/{name}"
        self.api.files.put_many([(key, data)])
        return runs.Object(key=key, size=len(data), sha256=hashlib.sha256(data).hexdigest())

    def done(self, name: str = "prices", **more: Any) -> int:
        """A run from its beginning to its end."""
        id_: int = self.run(name)["id"]
        (run,) = self.claim(run=id_)
        self.finish(run, **more)
        return id_

    def shown(self, run: int) -> Any:
        return self.get(f"/v1/runs/{run}")

    def let_lease_end(self, run: int) -> None:
        """As if its runner had not been heard of for a minute."""
        with self.api.db.writing():
            Task.update(lease_until=ago(seconds=1)).where(
                Task.id == Run.get_by_id(run).task_id
            ).execute()

    def let_due(self, run: int) -> None:
        """As if the pause before the next try were over."""
        with self.api.db.writing():
            Task.update(due=ago(seconds=1)).where(Task.id == Run.get_by_id(run).task_id).execute()

    def planned(self, name: str, **by: float) -> None:
        """As if slots had last been told so long ago."""
        with self.api.db.writing():
            Script.update(planned=ago(**by)).where(Script.name == name).execute()

    def slots(self, *slots: str, name: str = "prices") -> list[str]:
        """Tell slots; the states."""
        told = runs.TellSlots(slots=list(slots), until=ago(seconds=0))
        answer = self.tell(f"/v1/scripts/{name}/slots", told)
        return [each["state"] for each in answer["items"]]


def events(kind: str) -> list[dict[str, Any]]:
    """What was told of these kinds."""
    found = Event.select().where(Event.kind.startswith(kind)).order_by(Event.id)
    return [{"kind": event.kind, "source": event.source, **event.about} for event in found]
