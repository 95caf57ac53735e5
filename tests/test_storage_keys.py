"""Names out of mails and pages: every storage keeps them inside and apart, or refuses them."""

import itertools
from collections.abc import Callable

import pytest

from postroom.storage import BadKeyError, Storage

BAD_KEYS = [
    "", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", ".", "./a", "a/./b", "a//b", "a/",
    "a\0b", "\0", "\ud800", "x" * 256, "é" * 128, "/".join(["abc"] * 300), ".postroom-store",
    "a/.postroom-x.tmp", ".postroom-lock", "sha256", "sha256/x", f"sha256/ab/cd/{'abcd' * 16}",
]  # fmt: skip


CALLS: list[Callable[[Storage, str], object]] = [
    lambda store, key: store.put_many([("good", b"x"), (key, b"x")]),
    lambda store, key: store.open_write(key),
    lambda store, key: store.get(key),
    lambda store, key: store.open_read(key),
    lambda store, key: store.size(key),
    lambda store, key: store.exists([key]),
    lambda store, key: store.verify(key),
    lambda store, key: store.delete([key]),
    lambda store, key: store.url(key),
]


def test_an_impossible_key_is_refused_everywhere(store):
    asked = itertools.product(BAD_KEYS, enumerate(CALLS))

    assert [(key, n) for key, (n, call) in asked if not is_refused(call, store, key)] == []
    assert list(store.list()) == []


def is_refused(call: Callable[[Storage, str], object], store: Storage, key: str) -> bool:
    try:
        call(store, key)
    except BadKeyError as e:
        return isinstance(e, ValueError)
    return False


def test_a_bad_key_at_commit_stores_nothing(store):
    with store.open_write() as writer:
        writer.write(b"x")
        with pytest.raises(BadKeyError):
            writer.commit("../x")
    assert list(store.list()) == []


NASTY = [
    "...", "..x", "~/x", "CON", "a\\..\\..\\b", "a:b", "con.txt ", "-rf", "$(reboot)", "a;b|c",
    "\u202egpj.exe", "=?utf-8?q?x?=", "a\nb", "%2e%2e%2fx", "\x1b[2J", ".hidden", "x" * 255,
    "1234_.._.._1234.txt", "'; DROP TABLE objects; --", "\u202dx", "ﬁ", "e\u0301", "\u00e9", " ",
]  # fmt: skip


def test_nasty_names_stay_inside_and_apart(spot, store):
    path = spot.path()
    path.parent.mkdir(exist_ok=True)
    path.parent.joinpath("secret").write_bytes(b"outside")
    wanted = {f"pages/p/{name}": name.encode() for name in NASTY}

    store.put_many(wanted.items())

    assert {entry.key: store.get(entry.key) for entry in store.list()} == wanted
    outside = {file.name for file in path.parent.iterdir() if not file.name.startswith(path.name)}
    assert outside == {"secret"}
    assert path.parent.joinpath("secret").read_bytes() == b"outside"
