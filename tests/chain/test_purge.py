"""Mails that were purged are on the server still, and are neither lost nor brought again."""

import json
import re
from collections.abc import Callable

from tests.chain.conftest import account
from tests.chain.mails import hashes, mails
from tests.chain.test_sync import bodies_fetched
from tests.servers import commands
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot

#: No longer than a command takes to start: what was stored before that is old.
DAYS = 0.000001


def test_what_was_purged_is_not_fetched_again(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    house = daemons({"work": account(dovecot, keep_days=DAYS)})
    house.start("api", "master")
    raws = mails(40)
    dovecot.deliver("work", raws)
    house.pull()
    dovecot.record("work")

    dry = commands.run(house.folder, "api", "purge", "--dry-run", "--json")
    done = commands.run(house.folder, "api", "purge")
    assert "mails of work, older than 1e-06 days: 40, 0.0 MB\nDeleted.\n" in done.stdout
    assert house.hashes() == []
    late = mails(5, first=900)
    dovecot.deliver("work", late)
    house.pull()
    dovecot.renumber("work")
    house.pull()

    check = commands.run(house.folder, "provider", "check", "work", "--json")

    assert check.returncode == 0, check.stdout + check.stderr
    (rule,) = json.loads(dry.stdout)["rules"]
    assert (rule["kind"], rule["source"], rule["count"]) == ("mails", "work", 40)
    assert sorted(house.hashes()) == hashes(late)
    assert bodies_fetched(dovecot) == 5
    receipt = house.last_receipt()
    counts = (receipt["listed"], receipt["stored"], receipt["purged"], receipt["missing"])
    assert counts == (45, 5, 40, 0)
    assert re.search(r"listed 45 = stored 5 .*\+ missing 0 \+ purged 40", house.log("master"))
    kinds = [each["kind"] for each in house.items("/v1/events")]
    assert (kinds.count("mail.stored"), kinds.count("mail.purged")) == (45, 40)
