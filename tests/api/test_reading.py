"""What is stored can be read, filtered and paged through."""

from hashlib import sha256

import pytest

from tests.api.caller import Caller, mail_bytes


def with_mail(api: Caller, uid: int, **mail: object) -> dict[str, object]:
    return api.delivery(uid, mail_bytes(uid), mail=mail)


def subjects(api: Caller, query: str) -> list[str]:
    return [item["subject"] for item in api.get(f"/v1/mails?{query}")["items"]]


def test_pages_lead_through_all_mails_once(api: Caller) -> None:
    api.hello()
    api.push(*range(1, 8))
    seen, path = [], "/v1/mails?limit=3"

    while path:
        page = api.get(path)
        seen += [item["id"] for item in page["items"]]
        path = f"/v1/mails?limit=3&cursor={page['next_cursor']}" if page["has_more"] else ""

    assert len(seen) == len(set(seen)) == 7


def test_filters_by_sender_date_mailbox_and_words(api: Caller) -> None:
    api.hello()
    api.deliver(
        with_mail(
            api,
            1,
            subject="Rechnung",
            date="2026-01-05T10:00:00Z",
            **{"from": [["Ännchen", "Ann@Example.org"]]},
        ),
        with_mail(api, 2, subject="会議の予定", date="2026-03-01T10:00:00Z", text="来週の会議"),
        with_mail(api, 3, subject="отчёт", date="2026-05-01T10:00:00Z"),
    )

    assert subjects(api, "sender=ann@example.org") == ["Rechnung"]
    assert subjects(api, "sender=nnchen") == ["Rechnung"]
    assert subjects(api, "since=2026-02-01&before=2026-04-01") == ["会議の予定"]
    assert subjects(api, "q=ОТЧЕТ") == ["отчёт"]
    assert subjects(api, "q=会議") == ["会議の予定"]
    assert subjects(api, "q=annchen") == ["Rechnung"]
    assert subjects(api, "mailbox=work&folder=INBOX&limit=1") == ["отчёт"]
    assert subjects(api, "mailbox=other") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "bad_limit"),
        ("limit=501", "bad_limit"),
        ("limit=x", "bad_limit"),
        ("cursor=rubbish", "bad_cursor"),
        ("cursor=WzEsMl0", "bad_cursor"),
        ("since=yesterday", "bad_time"),
        ("colour=red", "unknown_parameter"),
        ("has=wings", "bad_has"),
        ("q=%22", "bad_query"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(api: Caller, query: str, code: str) -> None:
    assert api.get(f"/v1/mails?{query}", 400)["code"] == code


def test_the_raw_mail_comes_back_byte_for_byte(api: Caller) -> None:
    api.hello()
    api.push(1)

    response = api.client.get("/v1/mails/1/raw")

    assert response.data == mail_bytes(1)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_events_are_told_without_gaps_and_to_the_end(api: Caller) -> None:
    api.hello()
    api.push(1, 2, 3)

    first = api.get("/v1/events?limit=2")
    second = api.get(f"/v1/events?limit=2&cursor={first['next_cursor']}")
    api.push(4)
    third = api.get(f"/v1/events?cursor={second['next_cursor']}")

    ids = [e["id"] for page in (first, second, third) for e in page["items"]]
    assert ids == [1, 2, 3, 4]


def test_a_cursor_of_another_database_has_expired(api: Caller) -> None:
    assert api.get("/v1/events?cursor=WyJvdGhlciIsNV0", 410)["code"] == "cursor_expired"


def test_nothing_there_is_said_so(api: Caller) -> None:
    for path in ("/v1/mails/9", "/v1/mails/9/raw", "/v1/mailboxes/x", "/v1/mailboxes/x/receipts"):
        assert api.get(path, 404)["code"] == "not_found"


def test_asking_for_the_last_uid_needs_no_mailbox(api: Caller) -> None:
    empty = api.get("/api")
    api.hello()
    api.push(1, 2)

    assert empty == {"UID": 0, "mailboxes": {}}
    assert api.get("/api")["UID"] == 2
    assert api.get("/api?mailbox=work&folder=INBOX")["mailboxes"]["work"]["UID"] == 2


def test_an_attachment_is_read_out_of_the_raw_mail(api: Caller) -> None:
    api.hello()
    raw = (
        b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nhello\r\n--b\r\nContent-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename=a.pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b--\r\n"
    )
    attachment = {
        "name": '../"é\r\n.pdf',
        "type": "text/html",
        "content_id": "",
        "inline": False,
        "size": 4,
        "sha256": "0" * 64,
        "part": "2",
    }
    mail = {"subject": "x", "attachments": [attachment]}
    api.deliver(api.delivery(1, raw, mail=mail), keep={sha256(raw).hexdigest(): raw})

    response = api.client.get("/v1/mails/1/attachments/1")

    assert response.data == b"%PDF"
    assert response.mimetype == "application/octet-stream"
    assert response.headers["Content-Disposition"] == (
        "attachment; filename*=UTF-8''..%2F%22%C3%A9%0D%0A.pdf"
    )
    assert api.get("/v1/mails/1/attachments/2", 404)["code"] == "not_found"
