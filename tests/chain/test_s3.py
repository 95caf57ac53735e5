"""The whole chain with its raw mails in a real S3."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chain.mails import hashes, mails
from tests.servers.daemons import Daemons
from tests.servers.swift import SECRET_KEY, Swift
from tests.servers.swift_node import SwiftFront
from tests.waiting import wait_until

Make = Callable[..., Daemons]


def maildir(folder: Path, raws: list[bytes]) -> dict[str, Any]:
    """A mailbox section for a folder of these mails."""
    (folder / "cur").mkdir(parents=True)
    (folder / "new").mkdir()
    for number, raw in enumerate(raws):
        (folder / "cur" / f"{number}.M.host:2,S").write_bytes(raw)
    return {"source": "maildir", "path": folder}


def stored(swift: Swift, prefix: str, **options: str) -> dict[str, dict[str, str]]:
    """The sections that keep all objects in that server."""
    own = {"endpoint": swift.endpoint, "bucket": swift.bucket, "prefix": prefix, **options}
    return {"storage": {"mails": "s3", "files": "s3"}, "storage s3": own}


def test_mails_go_to_s3_and_come_back_byte_for_byte(
    swift: Swift, daemons: Make, tmp_path: Path
) -> None:
    # The last one comes in parts, from the provider and to S3.
    raws = [*mails(5), mails(1, first=6)[0] + os.urandom(9 * 2**20)]
    sections = stored(swift, tmp_path.name)
    chain = daemons({"work": maildir(tmp_path / "mail", raws)}, sections)
    chain.start("api", "master")

    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws)
    read = [chain.get(f"/v1/mails/{item['id']}/raw") for item in chain.items("/v1/mails")]
    assert sorted(read) == sorted(raws)
    listed = swift.client.list_objects_v2(Bucket=swift.bucket, Prefix=f"{tmp_path.name}/mails/")
    kept = sorted(told["Key"].rpartition("/")[2] for told in listed["Contents"])
    assert kept == [".postroom-store", *hashes(raws)]
    assert SECRET_KEY not in chain.log("api") + chain.log("master") + chain.log("pull")


def test_while_s3_is_away_nothing_is_acknowledged_and_then_all_comes(
    own_swift: SwiftFront, daemons: Make, tmp_path: Path
) -> None:
    raws = mails(3)
    mail = tmp_path / "mail"
    chain = daemons({"work": maildir(mail, raws[:1])}, stored(own_swift, tmp_path.name))
    chain.start("api", "master")
    chain.pull()
    for number, raw in enumerate(raws[1:], 1):
        (mail / "new" / f"{number}.M.host").write_bytes(raw)

    with own_swift.down():
        chain.provide(name="in vain")
        said = "a request has to come again: S3 cannot be reached"
        wait_until(lambda: said in chain.log("master"), 60, "the reason")
        chain.kill("in vain")
        assert chain.hashes() == hashes(raws[:1])
    chain.pull()

    assert sorted(chain.hashes()) == hashes(raws)


@pytest.mark.parametrize("module", ["api", "master"])
def test_a_check_says_what_is_wrong_with_s3(
    swift: Swift, daemons: Make, tmp_path: Path, module: str
) -> None:
    chain = daemons({}, stored(swift, tmp_path.name))
    good = {line["name"]: line["ok"] for line in chain.check(module)}
    wrong = daemons({}, stored(swift, tmp_path.name, bucket="nowhere"))
    bad = {line["name"]: line for line in wrong.check(module) if not line["ok"]}

    assert good["storage"]
    assert "[storage s3] bucket: there is no bucket 'nowhere'" in bad["storage"]["detail"]
    assert ("files" in bad) == (module == "api")
