"""By what mails without a UIDL are known from one listing to the next."""

from hashlib import sha256

import pytest

from provider.sources.pop3.identity import BELIEVED_SECONDS, Anonymous, Listed


class Maildrop:
    """Mails by number, and how often they were read."""

    def __init__(self, *mails: bytes, has_top: bool = True) -> None:
        self.mails = list(mails)
        self.has_top = has_top
        self.tops = 0
        self.wholes = 0

    def listed(self) -> list[Listed]:
        return [Listed(number, len(raw)) for number, raw in enumerate(self.mails, 1)]

    def top(self, number: int) -> bytes | None:
        if not self.has_top:
            return None
        self.tops += 1
        return self.mails[number - 1].partition(b"\r\n\r\n")[0]

    def hashed(self, number: int) -> str | None:
        self.wholes += 1
        return sha256(self.mails[number - 1]).hexdigest()


def letter(number: int, body: bytes = b"hello") -> bytes:
    return b"Subject: %d\r\n\r\n%s\r\n" % (number, body)


def look(known: Anonymous, drop: Maildrop, now: float = 1.0) -> list[str]:
    drop.tops = drop.wholes = 0
    return known.keys(drop.listed(), drop, now)


def many(count: int, *, has_top: bool = True) -> Maildrop:
    return Maildrop(*(letter(n, b"x" * n) for n in range(count)), has_top=has_top)


@pytest.mark.parametrize("has_top", [True, False])
def test_a_second_look_reads_as_good_as_nothing(has_top: bool):
    known, drop = Anonymous(), many(100, has_top=has_top)
    before = look(known, drop)

    assert look(known, drop) == before
    assert (drop.tops, drop.wholes) == ((1, 0) if has_top else (0, 0))


@pytest.mark.parametrize("has_top", [True, False])
def test_what_was_deleted_and_what_came_is_told_apart(has_top: bool):
    known, drop = Anonymous(), many(100, has_top=has_top)
    before = look(known, drop)
    del drop.mails[98], drop.mails[50], drop.mails[0]
    drop.mails += [letter(200), letter(201)]

    after = look(known, drop)

    assert after[:-2] == [key for at, key in enumerate(before) if at not in {0, 50, 98}]
    assert len(set(after)) == 99
    assert drop.tops + drop.wholes == 3


def test_another_mail_of_the_same_size_is_noticed_by_its_headers():
    known, drop = Anonymous(), Maildrop(*(letter(n) for n in range(10, 20)))
    before = look(known, drop)
    drop.mails = [*drop.mails[1:], letter(20)]

    after = look(known, drop)

    assert after[:-1] == before[1:]
    assert after[-1] not in before


def test_without_top_another_mail_of_the_same_size_is_noticed_after_a_day():
    known, drop = Anonymous(), Maildrop(*(letter(n) for n in range(10, 20)), has_top=False)
    before = look(known, drop)
    drop.mails = [*drop.mails[1:], letter(20)]

    assert look(known, drop, BELIEVED_SECONDS) == before
    after = look(known, drop, 1.0 + BELIEVED_SECONDS)

    assert after[:-1] == before[1:]
    assert after[-1] not in before


def test_a_twin_of_an_old_mail_makes_both_known_by_all_their_bytes():
    known, drop = Anonymous(), Maildrop(letter(1), letter(2, b"aaaa"), letter(3))
    before = look(known, drop)
    drop.mails.append(letter(2, b"bbbb"))

    after = look(known, drop)

    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1].startswith("raw:")
    assert after[3].startswith("raw:")
    assert after[1] != after[3]


def test_mails_that_are_equal_byte_for_byte_are_one():
    known, drop = Anonymous(), Maildrop(letter(1), letter(1))

    first, second = look(known, drop)

    assert first == second


def test_an_emptied_maildrop_is_forgotten():
    known, drop = Anonymous(), many(3)
    look(known, drop)
    drop.mails = []
    assert look(known, drop) == []
    drop.mails = [letter(9)]

    assert len(look(known, drop)) == 1
