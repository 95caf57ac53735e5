"""Mails that answer each other come together, in whatever order they come; strangers do not."""

from collections import defaultdict
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import models
from api.mails.kin import bare_subject
from api.models import Threaded, ThreadKey
from tests.api.caller import Caller, mail_bytes
from tests.long import one_in

ANN, BOB, CAT = ["Ann", "ann@x.org"], ["Bob", "Bob@x.org"], ["", "cat@y.org"]
DAN = ["Dan", "dan@z.org"]
Mail = dict[str, Any]


def mail(id_: str, *references: str, **more: Any) -> Mail:
    return {"message_id": f"<{id_}@x>", "references": [f"{each}@x" for each in references],
            "subject": id_, "date": "2026-01-01T00:00:00Z", **more}  # fmt: skip


def threads(api: Caller) -> list[list[str]]:
    """Message-IDs by thread, as the mails tell."""
    found = defaultdict(list)
    for item in api.get("/v1/mails?limit=500&fields=message_id,thread_id")["items"]:
        found[item["thread_id"]].append(item["message_id"].strip("<>").removesuffix("@x"))
    return sorted(sorted(each) for each in found.values())


def test_answers_are_of_the_thread_of_what_they_refer_to(api: Caller) -> None:
    api.post("/api", [
        mail("a"), mail("b", "a"), mail("c", "a", "b"), mail("other"),
        mail("d", in_reply_to=["<c@x>"]),
    ])  # fmt: skip

    assert threads(api) == [["a", "b", "c", "d"], ["other"]]


def test_a_parent_that_comes_late_joins_its_children(api: Caller) -> None:
    for one in (mail("left", "parent"), mail("right", in_reply_to=["parent@x"]), mail("apart")):
        api.post("/api", [one])
    assert threads(api) == [["apart"], ["left", "right"]]

    api.post("/api", [mail("parent", "grandparent")])
    api.post("/api", [mail("uncle", "grandparent")])

    assert threads(api) == [["apart"], ["left", "parent", "right", "uncle"]]


def test_a_mail_that_names_two_threads_makes_them_one(api: Caller) -> None:
    api.post("/api", [mail("a"), mail("a2", "a"), mail("b"), mail("b2", "b")])
    before = {item["thread_id"] for item in api.get("/v1/mails")["items"]}

    api.post("/api", [mail("both", "a2", "b2")])

    after = {item["thread_id"] for item in api.get("/v1/mails")["items"]}
    assert (len(before), after) == (2, {min(before)})


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ({"subject": "Lunch"}, {"subject": "Re: Lunch"}, True),
        ({"subject": "Lunch"}, {"subject": "[team] AW[2]: Re: LUNCH"}, True),
        ({"subject": "Lunch"}, {"subject": "Fwd: Lunch", "date": "2026-01-08T00:00:00Z"}, True),
        ({"subject": "Lunch"}, {"subject": "Re: Lunch", "date": "2026-01-08T00:00:01Z"}, False),
        ({"subject": "Lunch"}, {"subject": "Lunch"}, False),
        ({"subject": "Re: Lunch"}, {"subject": "Re: Lunch"}, True),
        ({"subject": "Lunch"}, {"subject": "Re: Dinner"}, False),
        ({"subject": ""}, {"subject": "Re: "}, False),
        ({"subject": "Lunch"}, {"subject": "Re: Lunch", "from": [CAT]}, False),
        ({"subject": "Lunch"}, {"subject": "Re: Lunch", "to": [CAT]}, False),
        ({"subject": "Lunch"}, {"subject": "Re: Lunch", "from": []}, False),
        ({"subject": "Lunch"}, {"subject": "Re: Lunch", "from": [ANN], "to": [BOB]}, True),
        ({"subject": "Lunch"}, {"subject": "Re: Lunch", "from": [ANN], "to": [CAT]}, False),
        ({"subject": "Lunch"}, {"subject": "Re: Lunch", "references": ["gone@x"]}, False),
    ],
)
@pytest.mark.parametrize(
    ("turned", "at_once"), one_in(3, [(False, False), (False, True), (True, False), (True, True)])
)
def test_without_references_replies_among_the_same_people_are_of_one_thread(
    api: Caller, first: Mail, second: Mail, together: bool, turned: bool, at_once: bool
) -> None:
    mails = [
        mail("1", **{"from": [ANN], "to": [BOB], **first}),
        mail("2", **{"from": [BOB], "to": [ANN], **second}),
    ]
    for batch in [mails[::-1] if turned else mails] if at_once else [[mails[turned]], mails]:
        api.post("/api", batch)

    assert threads(api) == ([["1", "2"]] if together else [["1"], ["2"]])


def test_invoices_of_strangers_and_their_answers_stay_apart(api: Caller) -> None:
    me, people = ["Me", "me@x.org"], [ANN, BOB, CAT]
    api.post("/api", [
        *(mail(f"invoice{n}", **{"subject": "Invoice", "from": [who], "to": [me]})
          for n, who in enumerate(people)),
        *(mail(f"answer{n}", **{"subject": "Re: Invoice", "from": [me], "to": [who]})
          for n, who in enumerate(people)),
    ])  # fmt: skip

    assert threads(api) == [[f"answer{n}", f"invoice{n}"] for n in range(3)]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Lunch", ("lunch", False)),
        ("RE: re : Lunch", ("lunch", True)),
        ("Отв: Отчёт", ("отчет", True)),
        ("回复\uff1a会議", ("会議", True)),
        ("[list] Lunch", ("lunch", False)),
        ("[list] Re: [list] Lunch  on  Friday", ("lunch on friday", True)),
        ("[only]", ("[only]", False)),
        ("Regarding: lunch", ("regarding: lunch", False)),
        ("Re:", ("", True)),
    ],
)
def test_a_subject_is_bared_of_what_programs_add(subject: str, expected: tuple[str, bool]) -> None:
    assert bare_subject(subject) == expected


FAMILY: list[tuple[tuple[str, ...], Mail]] = [
    (("a",), {}),
    (("b", "a"), {}),
    (("c", "missing", "b"), {}),
    (("d", "missing"), {}),
    (("e", "elsewhere"), {}),
    (("f",), {"subject": "Lunch", "from": [ANN], "to": [BOB]}),
    (("g",), {"subject": "Re: Lunch", "from": [BOB], "to": [ANN], "cc": [CAT]}),
    (("h",), {"subject": "Re: Lunch", "from": [CAT], "to": [BOB, ANN]}),
    (("i", "g"), {"subject": "Re: Lunch", "from": [CAT], "to": [BOB]}),
    (("j",), {"subject": "Lunch", "from": [DAN], "to": [BOB]}),
]
TOGETHER = [["a", "b", "c", "d"], ["e"], ["f", "g", "h", "i"], ["j"]]
RUN = count()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(FAMILY))), cuts=st.sets(st.integers(1, len(FAMILY) - 1)))
def test_the_order_in_which_mails_come_does_not_matter(
    api: Caller, order: list[int], cuts: set[int]
) -> None:
    # A family of its own each time, in one database.
    run = next(RUN)
    mails = []
    for names, more in (FAMILY[at] for at in order):
        told: dict[str, Any] = {**more, "subject": f"{more.get('subject', names[0])} {run}"}
        mails.append(mail(*(f"{name}{run}.{name}" for name in names), **told))

    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(mails)], strict=True):
        api.post("/api", mails[start:end])

    shown = [[name.partition(".")[2] for name in each if f"{run}." in name[1:8]]
             for each in threads_of(api, len(mails))]  # fmt: skip
    assert sorted(shown) == TOGETHER


def threads_of(api: Caller, newest: int) -> list[list[str]]:
    """Message-IDs by thread, of the mails that came last."""
    found = defaultdict(list)
    whole = Threaded.select(Threaded, models.Mail).join(models.Mail)
    rows = whole.order_by(Threaded.mail.desc()).limit(newest)
    for row in sorted(rows, key=lambda row: row.mail.message_id):
        found[row.thread].append(row.mail.message_id.strip("<>").removesuffix("@x"))
    return list(found.values())


def test_threads_are_listed_by_their_last_mail_and_read_from_their_first(api: Caller) -> None:
    for n in range(7):
        api.post("/api", [mail(f"t{n}", date=f"2026-01-0{n + 1}T00:00:00Z")])
    api.post("/api", [mail("late", "t2", date="2026-02-01T00:00:00Z")])
    api.post("/api", [mail("same", "t5", date="2026-01-06T00:00:00Z")])

    listed, path = [], "/v1/threads?limit=2"
    while path:
        page = api.get(path)
        listed += [(each["last"]["message_id"], each["mails"]) for each in page["items"]]
        path = f"/v1/threads?limit=2&cursor={page['next_cursor']}" if page["has_more"] else ""

    assert listed == [("<late@x>", 2), ("<t6@x>", 1), ("<same@x>", 2), ("<t4@x>", 1), ("<t3@x>", 1),
                      ("<t1@x>", 1), ("<t0@x>", 1)]  # fmt: skip
    number = api.get("/v1/threads?limit=1&fields=id")["items"][0]["id"]
    first = api.get(f"/v1/threads/{number}?limit=1&fields=message_id,id")
    second = api.get(f"/v1/threads/{number}?limit=1&cursor={first['next_cursor']}")
    assert [first["items"][0]["message_id"], second["items"][0]["message_id"]] == [
        "<t2@x>",
        "<late@x>",
    ]
    assert (second["has_more"], second["id"]) == (False, number)
    by_another = api.get(f"/v1/threads/{second['items'][0]['id']}?fields=id")
    assert (by_another["id"], len(by_another["items"])) == (number, 2)
    assert api.get("/v1/threads/999", 404)["code"] == "not_found"


def test_what_was_never_read_is_in_no_thread(api: Caller) -> None:
    api.hello()
    raw = mail_bytes(1)
    aside = api.delivery(1, raw, outcome="quarantined", stage="parse", mail=None)
    api.deliver(aside, keep={aside["sha256"]: raw})

    assert api.get("/v1/mails")["items"][0]["thread_id"] is None
    assert api.get("/v1/threads")["items"] == []
    assert api.get("/v1/threads/1", 404)["code"] == "not_found"


def test_another_record_of_a_mail_moves_it_to_its_thread(api: Caller) -> None:
    api.hello()
    shas = []
    for uid, one in enumerate(
        (mail("a"), mail("b", "a"), mail("c", "b"), mail("z"), mail("lost")), 1
    ):
        raw = mail_bytes(uid)
        told = api.delivery(uid, raw, mail=one, parser=1)
        shas.append(told["sha256"])
        assert api.deliver(told, keep={told["sha256"]: raw}) == ["stored"]
    assert threads(api) == [["a", "b", "c"], ["lost"], ["z"]]

    def again(number: int, one: Mail) -> list[str]:
        told = {"id": number, "sha256": shas[number - 1], "mail": one}
        answer = api.post("/v1/mails/reparsed", {"version": 2, "mails": [told]})
        return [item["status"] for item in answer["items"]]

    assert again(2, mail("b", "z")) == ["changed"]
    assert threads(api) == [["a"], ["b", "c", "z"], ["lost"]]
    assert again(5, mail("lost", "a", text="and its text")) == ["changed"]
    assert threads(api) == [["a", "lost"], ["b", "c", "z"]]
    assert again(5, mail("lost", "a", text="another text")) == ["changed"]
    assert threads(api) == [["a", "lost"], ["b", "c", "z"]]
    assert [len(api.get(f"/v1/mails?q={word}")["items"]) for word in ("another", "its")] == [1, 0]
    assert again(3, mail("renamed")) == ["changed"]
    assert threads(api) == [["a", "lost"], ["b", "z"], ["renamed"]]
    api.post("/api", [mail("answer", "renamed"), mail("stray", "c")])
    assert threads(api) == [["a", "lost"], ["answer", "renamed"], ["b", "z"], ["stray"]]


def test_each_name_is_kept_once_however_many_mails_have_it(api: Caller) -> None:
    api.post("/api", [mail(f"m{n}", "root", *(f"m{k}" for k in range(n))) for n in range(20)])

    assert ThreadKey.select().count() == 21
    assert Threaded.select(Threaded.thread).distinct().count() == 1


def test_a_message_id_that_many_mails_share_is_one_thread_and_no_mail_is_lost(api: Caller) -> None:
    api.post("/api", [mail("same", text=str(n)) for n in range(5)])
    api.post("/api", [{"subject": f"none {n}", "references": ["", "<>"]} for n in range(3)])

    sizes = sorted(each["mails"] for each in api.get("/v1/threads")["items"])
    assert sizes == [1, 1, 1, 5]
