"""A mailbox that changes under the reader: nothing lost, nothing doubled, little fetched twice."""

import re
import shutil
from collections.abc import Callable

from tests.chain.conftest import account
from tests.chain.mails import hashes, mails
from tests.servers.daemons import Daemons
from tests.servers.dovecot import Dovecot
from tests.servers.slow_link import SlowLink
from tests.waiting import wait_until

BODY = re.compile(r"BODY\.PEEK\[\]|BODY\[\]|RFC822(?!\.SIZE)")


def bodies_fetched(dovecot: Dovecot, user: str = "work") -> int:
    """How many mails' bodies the user's clients have asked for."""
    asked = [c for c in dovecot.commands(user) if "FETCH" in c and BODY.search(c)]
    return sum(_count(command) for command in asked)


def _count(command: str) -> int:
    found = re.search(r"FETCH ([\d:,]+)", command)
    assert found, command
    ranges = (part.partition(":") for part in found[1].split(","))
    return sum(int(high or low) - int(low) + 1 for low, _, high in ranges)


def places(chain: Daemons) -> int:
    """Places that hold a mail."""
    return sum(
        place["state"] == "stored"
        for item in chain.items("/v1/mails")
        for place in chain.get(f"/v1/mails/{item['id']}")["places"]
    )


def test_a_thousand_mails_come_once_and_are_not_fetched_again(
    dovecot: Dovecot, chain: Daemons
) -> None:
    raws = mails(1000)
    dovecot.record("work")
    dovecot.deliver("work", raws)

    chain.pull()
    first = bodies_fetched(dovecot)
    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws)
    assert first == 1000
    assert bodies_fetched(dovecot) == 1000
    receipt = chain.last_receipt()
    assert (receipt["listed"], receipt["stored"], receipt["missing"]) == (1000, 1000, 0)


def test_mails_expunged_in_the_middle_are_kept(dovecot: Dovecot, chain: Daemons) -> None:
    raws = mails(50)
    dovecot.deliver("work", raws)
    chain.pull()
    dovecot.expunge("work", range(10, 20))
    late = mails(5, first=100)
    dovecot.deliver("work", late)

    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws + late)
    assert chain.last_receipt()["listed"] == 45


def test_a_new_uidvalidity_costs_little_and_loses_nothing(dovecot: Dovecot, chain: Daemons) -> None:
    raws = mails(200)
    dovecot.deliver("work", raws)
    chain.pull()
    dovecot.renumber("work")
    late = mails(2, first=500)
    dovecot.deliver("work", late)
    dovecot.record("work")

    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws + late)
    assert chain.last_receipt()["stored"] == 202
    assert bodies_fetched(dovecot) == 2


def test_equal_headers_under_a_new_uidvalidity_are_both_fetched(
    dovecot: Dovecot, chain: Daemons
) -> None:
    head = b"Subject: twin\r\nMessage-ID: <twin@example.org>\r\n\r\n"
    one, two = head + b"aaaa\r\n", head + b"bbbb\r\n"
    dovecot.deliver("work", [one])
    chain.pull()
    dovecot.renumber("work")
    dovecot.deliver("work", [two])

    chain.pull()

    assert sorted(chain.hashes()) == hashes([one, two])


def test_uids_given_anew_without_a_word_are_noticed(dovecot: Dovecot, chain: Daemons) -> None:
    raws = mails(30)
    dovecot.deliver("work", raws)
    chain.pull()
    before = dovecot.uidvalidity("work")
    dovecot.renumber("work")
    late = mails(1, first=900)
    dovecot.deliver("work", late)
    dovecot.set_uidvalidity("work", before)

    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws + late)
    assert chain.last_receipt()["missing"] == 0


def test_another_account_under_the_same_name_is_fetched_whole(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    ours, theirs = mails(20), mails(20, first=100)
    dovecot.deliver("work", ours)
    dovecot.deliver("home", theirs)
    chain = daemons({"work": account(dovecot)})
    chain.start("api", "master")
    chain.pull()
    sections = {"api": {"port": chain.api_port}, "master": {"port": chain.master_port}}
    chain.configure({"work": account(dovecot, "home")}, sections)

    chain.pull()

    assert sorted(chain.hashes()) == hashes(ours + theirs)
    assert chain.get("/v1/mailboxes/work")["epoch"] == 2


def test_one_mail_in_two_folders_is_one_content_in_two_places(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    (raw,) = mails(1)
    dovecot.deliver("work", [raw])
    dovecot.deliver("work", [raw], folder="Архив")
    chain = daemons({"work": account(dovecot, folders="INBOX, Архив")})
    chain.start("api", "master")

    chain.pull()

    (item,) = chain.items("/v1/mails")
    found = chain.get(f"/v1/mails/{item['id']}")["places"]
    assert {place["folder"] for place in found} == {"INBOX", "Архив"}


def test_two_providers_on_one_mailbox_store_each_mail_once(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    raws = mails(300)
    dovecot.deliver("work", raws)
    chain = daemons({"work": account(dovecot)}, {"master": {"workers": 2}})
    chain.start("api", "master")

    both = [chain.provide("--once", name=name) for name in ("one", "two")]

    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert sorted(chain.hashes()) == hashes(raws)
    assert places(chain) == 300


def test_ten_mailboxes_of_one_process_are_all_whole(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    users = [f"user{number}" for number in range(10)]
    for number, user in enumerate(users):
        dovecot.set_password(user, "secret")
        dovecot.deliver(user, mails(30, first=1000 * number))
    chain = daemons({user: account(dovecot, user) for user in users}, {"master": {"workers": 2}})
    chain.start("api", "master")

    chain.pull()

    assert len(chain.hashes()) == 300
    assert all(chain.last_receipt(user)["stored"] == 30 for user in users)


def test_ten_providers_on_ten_mailboxes(dovecot: Dovecot, daemons: Callable[..., Daemons]) -> None:
    users = [f"user{number}" for number in range(10)]
    for number, user in enumerate(users):
        dovecot.set_password(user, "secret")
        dovecot.deliver(user, mails(20, first=1000 * number))
    chain = daemons({user: account(dovecot, user) for user in users}, {"master": {"workers": 2}})
    chain.start("api", "master")

    providers = [chain.provide(user, "--once", name=user) for user in users]

    assert [process.wait(timeout=90) for process in providers] == [0] * 10
    assert len(chain.hashes()) == 200


def test_an_earlier_state_of_the_objects_file_is_made_good(
    dovecot: Dovecot, chain: Daemons
) -> None:
    early, late = mails(20), mails(20, first=100)
    dovecot.deliver("work", early)
    chain.pull()
    for name in ("master", "api"):
        chain.terminate(name)
    data, old = chain.folder / "data", chain.folder / "old"
    shutil.copytree(data, old)
    chain.start("api", "master")
    dovecot.deliver("work", late)
    chain.pull()
    for name in ("master", "api"):
        chain.terminate(name)
    for file in data.glob("mails.sqlite*"):
        file.unlink()
    for file in old.glob("mails.sqlite*"):
        shutil.copy(file, data)

    chain.start("api", "master")
    wait_until(lambda: _events(chain, "store.damaged"), 10, "the damage to be noticed")
    chain.pull()

    raws = [chain.get(f"/v1/mails/{item['id']}/raw") for item in chain.items("/v1/mails")]
    assert hashes(raws) == hashes(early + late)
    assert chain.last_receipt()["missing"] == 0


def _events(chain: Daemons, kind: str) -> list[object]:
    return [event for event in chain.items("/v1/events") if event["kind"] == kind]


def test_new_mail_arrives_while_the_provider_waits(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(1))
    chain.provide()
    wait_until(lambda: len(chain.hashes()) == 1, 20, "the first mail")
    wait_until(lambda: "no new mail" in chain.log("provider"), 20, "the provider to wait")

    dovecot.save("work", mails(1, first=2)[0])

    wait_until(lambda: len(chain.hashes()) == 2, 20, "the new mail")


def test_nothing_is_marked_as_read(dovecot: Dovecot, chain: Daemons) -> None:
    dovecot.deliver("work", mails(5))

    chain.pull()

    assert "\\Seen" not in dovecot.admin("fetch", "-u", "work", "flags", "all")


def test_a_mail_of_forty_megabytes_comes_whole_over_a_slow_link(
    dovecot: Dovecot, daemons: Callable[..., Daemons]
) -> None:
    big = mails(1)[0] + b"0123456789abcde\r\n" * (40 * 2**20 // 17)
    dovecot.deliver("work", [*mails(3, first=10), big])
    chain = daemons({"work": account(dovecot)})
    with SlowLink(chain.master_port, bytes_per_second=4 * 2**20) as link:
        chain.add("provider", master=f"tcp://127.0.0.1:{link.port}")
        chain.start("api", "master")

        chain.pull()

        assert link.carried > len(big)
    assert sorted(chain.hashes()) == hashes([*mails(3, first=10), big])
    assert "no answer" not in chain.log("pull")


def test_a_check_knows_daemons_that_run(chain: Daemons) -> None:
    for name in ("api", "master"):
        done = chain.check(name)

        assert all(line["ok"] for line in done), done
