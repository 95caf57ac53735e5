"""What many mailboxes cost one provider at rest, and how soon all are looked at again.

python -m bench.mailboxes [--mailboxes 500] [--rest 60] [--away 90]

Every mailbox waits in IDLE on a Dovecot of its own, spread over system users where we may (inotify
allows each user 128 watchers). Prints memory and CPU of the provider at rest; then the server is
killed, stays away so long that the pauses between two tries are at their longest, and is started
again; and it prints how long it takes until all mailboxes were looked at.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from bench.costs import Costs
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.waiting import wait_until

#: Below what inotify allows one user.
WATCHERS = 100
FIRST_UID = 20_000
PASSWORD = "bench-secret"  # noqa: S105 - of a server that lives for a minute
MORE = """
default_process_limit = 4000
default_client_limit = 8000
service imap {{
  process_limit = 4000
}}
service imap-login {{
  service_count = 0
  client_limit = 8000
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/owners
}}
"""


def main() -> None:
    """Start all, rest, restart the server."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options = _options()
    names = [f"box{number}" for number in range(options.mailboxes)]
    dovecot = _server(names)
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    daemons = Daemons(folder, {name: _mailbox(name, dovecot) for name in names})
    try:
        dovecot.start()
        daemons.start("api", "master")
        began = time.monotonic()
        provider = daemons.provide()
        wait_until(lambda: _looks(daemons) >= len(names), 300, "all mailboxes to be looked at")
        print(f"{len(names)} mailboxes, all looked at after {time.monotonic() - began:.1f} s")
        _rest(provider.pid, options.rest)
        seconds = _restart(dovecot, daemons, options.away)
        print(f"looked at again after a restart of the server: {seconds:.1f} s")
    finally:
        daemons.close()
        dovecot.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mailboxes", type=int, default=500)
    parser.add_argument("--rest", type=float, default=60.0, help="seconds to measure")
    parser.add_argument("--away", type=float, default=90.0, help="seconds without the server")
    return parser.parse_args()


def _server(names: list[str]) -> Dovecot:
    dovecot = Dovecot(dict.fromkeys(names, PASSWORD))
    for name in names:
        dovecot.deliver(name, [f"Subject: {name}\r\n\r\nHello\r\n".encode()])
    if os.getuid() == 0:
        lines = [
            f"{name}::{owner}:{owner}::{dovecot.folder}/mail/{name}:\n"
            for name, owner in _owners(names).items()
        ]
        (dovecot.folder / "owners").write_text("".join(lines))
        (dovecot.folder / "mail").chmod(0o755)
        config = dovecot.folder / "dovecot.conf"
        config.write_text(_without_static_userdb(config.read_text()))
        (dovecot.folder / "more.conf").write_text(MORE.format(folder=dovecot.folder))
        _own(dovecot)
    return dovecot


def _owners(names: Iterable[str]) -> dict[str, int]:
    return {name: FIRST_UID + number // WATCHERS for number, name in enumerate(names)}


def _own(dovecot: Dovecot) -> None:
    for name, owner in _owners(dovecot.users).items():
        home = dovecot.folder / "mail" / name
        for path in (home, *home.rglob("*")):
            os.chown(path, owner, owner)


def _without_static_userdb(text: str) -> str:
    before, _, rest = text.partition("userdb {")
    return before + rest.partition("}\n")[2]


def _mailbox(name: str, dovecot: Dovecot) -> dict[str, object]:
    return {
        "server": "localhost",
        "port": dovecot.ports.imap,
        "tls": "none",
        "username": name,
        "password": PASSWORD,
    }


def _looks(daemons: Daemons) -> int:
    """Mailboxes that were passed over."""
    return daemons.log("provider").count("no new mail")


def _rest(pid: int, seconds: float) -> None:
    costs = Costs({"provider": pid})
    time.sleep(seconds)
    costs.sample()
    spent = costs.spent()["provider"]
    print(
        f"at rest for {seconds:.0f} s: provider {spent.memory:.0f} MB at the most, "
        f"{spent.cpu / seconds * 100:.1f} % of one core"
    )


def _restart(dovecot: Dovecot, daemons: Daemons, away: float) -> float:
    """Seconds from the server's new start until every mailbox has brought a new mail."""
    dovecot.stop()
    for name in dovecot.users:
        dovecot.deliver(name, [f"Subject: {name} again\r\n\r\nHello\r\n".encode()])
    if os.getuid() == 0:
        _own(dovecot)
    time.sleep(away)
    dovecot.start()
    began = time.monotonic()
    wait_until(
        lambda: _stored(daemons) >= 2 * len(dovecot.users),
        300,
        "all mailboxes to be looked at again",
    )
    return time.monotonic() - began


def _stored(daemons: Daemons) -> int:
    """Mails that the API holds, by the ids it gave."""
    items = daemons.get("/v1/mails?limit=1")["items"]
    return int(items[0]["id"]) if items else 0


if __name__ == "__main__":
    main()
