"""What a query selects is what a look at each mail selects, in both orders, page by page."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.caller import Caller


def attached(name: str) -> dict[str, Any]:
    return {"number": 1, "name": name, "type": "text/csv", "size": 1, "sha256": "0" * 64,
            "content_id": "", "inline": False, "part": "2"}  # fmt: skip


MAILS: list[dict[str, Any]] = [
    {"subject": "Price list", "from": [["Ann Lee", "ann@example.org"]], "to": ["team@example.org"],
     "text": "The list of prices is below. Call me.", "date": "2026-01-01T00:00:00Z",
     "mailbox": "work", "uid": 1, "raw": b"x" * 100},
    {"subject": "Re: Price list", "from": [["Bob", "bob@example.com"]], "cc": ["ann@example.org"],
     "text": "Prices rose; list them again: list price.", "date": "2026-01-15T12:00:00Z",
     "mailbox": "home", "folder": "Sent Mail", "uid": 1, "raw": b"y" * 2000},
    {"subject": "Prix d'été", "from": [["Émile", "emile@example.com"]], "to": ["ann@example.org"],
     "text": "Voici les prix.\nPrice: 5", "date": "2026-02-01T00:00:00Z",
     "attachments": [attached("prix_été.csv")], "raw": b"z" * 3000},
    {"subject": "会議の予定", "from": [["山田", "yamada@example.jp"]],
     "text": "来週の会議は東京都です", "date": "2026-02-10T00:00:00Z", "mailbox": "work", "uid": 2},
    {"subject": "Отчёт за май", "from": [["Ёжик", "ezh@example.org"]], "text": "ОТЧЁТ, список цен",
     "date": "2026-05-01T00:00:00Z", "defects": ["bad_date"]},
    {"subject": "e-mail and snake_case", "sender": ["list@example.org"], "bcc": ["bob@b.org"],
     "text": "\uff26\uff35\uff2c\uff2c ﬁne", "attachments": [attached("list.pdf")],
     "date": "2025-12-31T23:59:59Z"},
    {"subject": "회의 일정", "text": "서울에서 회의가 있습니다", "date": "2024-01-01T00:00:00Z"},
    {"subject": "", "text": "พรุ่งนี้ประชุม price", "date": "2026-06-01T00:00:00Z"},
]  # fmt: skip
Mail = dict[str, Any]
Question = tuple[str, Callable[[Mail], bool]]

# --- the oracle: a plain look at each mail, which knows nothing of the code


def seen(text: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare.casefold())


def people(mail: Mail, *kinds: str) -> str:
    found = [each for kind in kinds for each in mail.get(kind, [])]
    return " ".join(each if isinstance(each, str) else " ".join(each) for each in found)


TEXTS: dict[str, Callable[[Mail], str]] = {
    "subject": lambda mail: str(mail["subject"]),
    "from": lambda mail: people(mail, "from", "sender", "reply_to"),
    "to": lambda mail: people(mail, "to", "cc", "bcc"),
    "text": lambda mail: str(mail["text"]),
    "filename": lambda mail: " ".join(each["name"] for each in mail.get("attachments", [])),
}
SPACED = re.compile(r"[^\W_]+")
WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")


def stands_in(words: str, text: str, prefix: bool) -> bool:
    words, text = seen(words), seen(text)
    if WITHOUT_SPACES.search(words):
        return words in text
    wanted, there = SPACED.findall(words), SPACED.findall(text)
    *whole, last = wanted
    for start in range(len(there) - len(wanted) + 1):
        *first, end = there[start : start + len(wanted)]
        if first == whole and (end == last or (prefix and end.startswith(last))):
            return True
    return False


def has_words(words: str, field: str, prefix: bool) -> Callable[[Mail], bool]:
    fields = [field] if field else list(TEXTS)
    return lambda mail: any(stands_in(words, TEXTS[each](mail), prefix) for each in fields)


def written(words: str, field: str, prefix: bool) -> Question:
    quoted = f'"{words}"' if " " in words else words
    start = f"{field}:" if field else ""
    return f"{start}{quoted}{'*' * prefix}", has_words(words, field, prefix)


STATED: list[Question] = [
    ("has:attachment", lambda mail: "attachments" in mail),
    ("has:defect", lambda mail: "defects" in mail),
    ("mailbox:work", lambda mail: mail.get("mailbox") == "work"),
    ('folder:"Sent Mail"', lambda mail: mail.get("folder") == "Sent Mail"),
    ("after:2026", lambda mail: mail["date"] >= "2026-01-01"),
    ("before:2026-02", lambda mail: mail["date"] < "2026-02-01"),
    ("after:2026-01-15T12:00:00Z", lambda mail: mail["date"] >= "2026-01-15T12:00:00Z"),
    ("larger:1k", lambda mail: len(mail.get("raw", b"")) > 1024),
    ("smaller:2000", lambda mail: len(mail.get("raw", b"")) < 2000),
]
WORDS = ["price", "prices", "list", "ann", "PRIX", "été", "ete", "отчет", "ОТЧЁТ", "список", "full",
         "fine", "case", "mail", "example", "bob", "会議", "会", "京", "東京都", "회의", "서울",
         "ประชุม", "nowhere", "Émile", "csv"]  # fmt: skip
PHRASES = ["price list", "list price", "list prices", "e mail", "ann lee", "les prix",
           "the list of", "prix été"]  # fmt: skip
leaves = (
    st.builds(written, st.sampled_from(WORDS + PHRASES),
              st.sampled_from(["", "", "subject", "from", "to", "filename"]), st.just(False))
    | st.builds(written, st.sampled_from(["pri", "lis", "exam", "отч", "price li"]),
                st.sampled_from(["", "subject"]), st.just(True))
    | st.sampled_from(STATED)
)  # fmt: skip


def joined(by: str, how: Callable[[Iterator[bool]], bool]) -> Callable[[list[Question]], Question]:
    def join(parts: list[Question]) -> Question:
        text = by.join(text for text, _ in parts)
        return f"({text})", lambda mail: how(is_so(mail) for _, is_so in parts)

    return join


def unless(sign: str) -> Callable[[Question], Question]:
    def negated(one: Question) -> Question:
        text, is_so = one
        # Several dashes are a line, not a sign.
        held = f"({text})" if text.startswith("-") else text
        return f"{sign}{held}", lambda mail: not is_so(mail)

    return negated


def larger(part: st.SearchStrategy[Question]) -> st.SearchStrategy[Question]:
    several = st.lists(part, min_size=1, max_size=3)
    return (
        several.map(joined(" ", all))
        | several.map(joined(" AND ", all))
        | several.map(joined(" OR ", any))
        | part.map(unless("-"))
        | part.map(unless("NOT "))
    )


QUESTIONS = st.recursive(leaves, larger, max_leaves=6)

# --- the tests


@pytest.fixture
def filled(api: Caller) -> Caller:
    store(api, MAILS)
    return api


def store(api: Caller, mails: list[Mail]) -> None:
    """Store mails that are known by their number in the list, from 1 on."""
    told = [{**mail, "message_id": str(number)} for number, mail in enumerate(mails, 1)]
    answers = api.post("/api", told)["items"]
    assert [each["status"] for each in answers] == ["stored"] * len(mails)


def numbers(api: Caller, query: str, more: str = "") -> list[int]:
    path = f"/v1/mails?q={quote(query)}&fields=message_id{more}"
    return [int(item["message_id"]) for item in api.get(path)["items"]]


def oracle(is_so: Callable[[Mail], bool]) -> list[int]:
    found = [(mail["date"], number) for number, mail in enumerate(MAILS, 1) if is_so(mail)]
    return [number for _, number in sorted(found, reverse=True)]


@pytest.mark.parametrize("question", STATED, ids=lambda question: str(question[0]))
def test_each_field_that_is_no_word_selects(filled: Caller, question: Question) -> None:
    expected = oracle(question[1])

    assert 0 < len(expected) < len(MAILS)
    assert numbers(filled, question[0]) == expected
    assert sorted(numbers(filled, f"-{question[0]}") + expected) == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("price list", [2, 1]),
        ('"price list"', [2, 1]),
        ('"list price"', [2]),
        ("pri*", [8, 3, 2, 1]),
        ("prix OR prices", [3, 2, 1]),
        ("price -list", [8, 3]),
        ("(prix OR prices) -subject:re", [3, 1]),
        ("subject:price", [2, 1]),
        ("from:ann@example.org", [1]),
        ("to:ann@example.org", [3, 2]),
        ("to:bob", [6]),
        ("from:list", [6]),
        ("filename:prix", [3]),
        ("PRIX ETE", [3]),
        ("отчет", [5]),
        ("ежик", [5]),
        ("会議", [4]),
        ("京", [4]),
        ("す", [4]),
        ("会議は東京都", [4]),
        ("会東", []),
        ("회의", [7]),
        ("ประชุม", [8]),
        ("full fine", [6]),
        ("case", [6]),
        ("mailbox:nowhere", []),
    ],
)
def test_each_operator_selects(filled: Caller, query: str, expected: list[int]) -> None:
    assert numbers(filled, query) == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=QUESTIONS)
def test_any_query_selects_what_a_plain_look_selects(filled: Caller, question: Question) -> None:
    text, is_so = question

    found = numbers(filled, text)

    assert found == oracle(is_so)
    ranked = filled.client.get(f"/v1/mails?q={quote(text)}&sort=rank&fields=message_id").json or {}
    best = [int(item["message_id"]) for item in ranked.get("items", ())]
    assert sorted(best) == sorted(found) or ranked["code"] == "bad_sort"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=60), sort=st.sampled_from(["date", "rank"]))
def test_any_text_is_answered_or_refused(filled: Caller, query: str, sort: str) -> None:
    text = quote(query, errors="surrogatepass")

    status = filled.client.get(f"/v1/mails?q={text}&sort={sort}").status_code

    assert status in (200, 400)


def test_a_wrong_query_is_refused_everywhere(filled: Caller) -> None:
    for path in ("/v1/mails", "/v1/mails.jsonl", "/v1/mails.csv", "/v1/mails.mbox"):
        told = filled.get(f"{path}?q=price+(list", 400)
        assert (told["code"], told["detail"]) == (
            "bad_query",
            "q, at character 7: this ( is not closed",
        )


@pytest.mark.parametrize(
    "query", ["sort=best", "sort=rank", "sort=rank&q=-a", "sort=rank&q=has:defect"]
)
def test_an_order_that_cannot_be_is_refused(filled: Caller, query: str) -> None:
    assert filled.get(f"/v1/mails?{query}", 400)["code"] == "bad_sort"


def test_words_in_the_subject_and_rare_words_come_first(api: Caller) -> None:
    told = "and so on, at some length, of this and that, "
    store(api, [
        {"subject": "common", "text": told * 9, "date": "2020-01-01T00:00:00Z"},
        {"subject": "rare", "text": told * 9, "date": "2021-01-01T00:00:00Z"},
        {"subject": "other", "text": f"{told * 9} rare", "date": "2023-01-01T00:00:00Z"},
        *({"subject": f"common {n}", "text": told, "date": "2024-01-01T00:00:00Z"}
          for n in range(6)),
    ])  # fmt: skip

    assert numbers(api, "rare", "&sort=rank") == [2, 3]
    assert numbers(api, "rare OR common", "&sort=rank")[0] == 2
    assert numbers(api, "rare") == [3, 2]


def pages(api: Caller, path: str, between: Callable[[], object]) -> list[int]:
    found, cursor = [], ""
    while True:
        page = api.get(f"{path}{cursor}")
        found += [item["id"] for item in page["items"]]
        if not page["has_more"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"
        between()


@pytest.mark.parametrize("sort", ["date", "rank"])
@pytest.mark.parametrize("query", ["common", "common OR other", "common subject:7", "com* -other"])
def test_pages_have_each_mail_once_while_others_come(api: Caller, sort: str, query: str) -> None:
    api.post("/api", [
        {"subject": f"{n % 10} common", "text": "common " * (n % 5) + "other" * (n % 4 == 0),
         # Many at one time: the number tells them apart.
         "date": f"2026-01-0{n % 3 + 1}T00:00:00Z", "message_id": str(n)}
        for n in range(60)
    ])  # fmt: skip
    path = f"/v1/mails?q={quote(query)}&sort={sort}"
    whole = [item["id"] for item in api.get(f"{path}&limit=500")["items"]]
    coming = iter(range(100, 200))

    def more() -> None:
        new = {"subject": "7 common", "text": "common", "message_id": str(next(coming)),
               "date": "2027-01-01T00:00:00Z"}  # fmt: skip
        api.post("/api", [new])

    found = pages(api, f"{path}&limit=7", more)

    assert len(found) == len(set(found))
    assert set(found) == set(whole)
    assert sort == "rank" or found == whole


def test_found_mails_show_where_the_words_stand(filled: Caller) -> None:
    (item,) = filled.get(f"/v1/mails?q={quote('prix ete -list')}&fields=snippets")["items"]

    assert item["snippets"] == {
        "subject": [["Prix", True], [" d'", False], ["été", True]],
        "text": [["Voici les ", False], ["prix", True], [".\nPrice: 5", False]],
        "filename": [["prix", True], ["_", False], ["été", True], [".csv", False]],
    }


def test_a_word_of_one_field_is_marked_there_alone(filled: Caller) -> None:
    (item,) = filled.get("/v1/mails?q=from:emile&fields=snippets")["items"]

    assert item["snippets"] == {
        "from": [["Émile", True], [" ", False], ["emile", True], ["@example.com", False]]
    }
    assert "snippets" not in filled.get("/v1/mails")["items"][0]
    assert filled.get("/v1/mails?q=has:defect")["items"][0]["snippets"] == {}
