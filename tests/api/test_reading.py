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


def test_a_list_shows_a_mail_as_its_own_page_does(api: Caller) -> None:
    api.hello()
    attachment = {"name": "a.txt", "type": "text/plain", "content_id": "", "inline": False,
                  "size": 1, "sha256": "0" * 64, "part": "1"}  # fmt: skip
    people = [["Ann", "Ann@Example.org"], ["", "bob@example.org"]]
    api.deliver(with_mail(api, 1, subject="x", attachments=[attachment], **{"from": people}))

    (item,) = api.get("/v1/mails")["items"]
    detail = api.get("/v1/mails/1")

    assert item == {name: detail[name] for name in item}
    assert item["from"] == people
    assert [each["name"] for each in item["attachments"]] == ["a.txt"]


def test_only_the_fields_that_are_asked_for_come(api: Caller) -> None:
    api.hello()
    api.push(1)

    assert api.get("/v1/mails?fields=id,subject")["items"] == [{"id": 1, "subject": "mail 1"}]
    assert api.get("/v1/mails/1?fields=from,id") == {"id": 1, "from": []}
    assert api.get("/v1/mailboxes/work?fields=name") == {"name": "work"}
    assert set(api.get("/v1/events?fields=kind")["items"][0]) == {"kind"}


@pytest.mark.parametrize("path", ["/v1/mails", "/v1/mails/1", "/v1/tasks", "/v1/mailboxes"])
def test_an_unknown_field_is_told_with_those_there_are(api: Caller, path: str) -> None:
    api.hello()
    api.push(1)

    answer = api.get(f"{path}?fields=id,colour", 400)

    assert answer["code"] == "bad_fields"
    assert "'colour'" in answer["detail"] or "'id'" in answer["detail"]
    assert "changed" in answer["detail"] or "subject" in answer["detail"]


def test_an_empty_mail_has_raw_bytes_none_of_them(api: Caller) -> None:
    api.hello()
    nothing = sha256(b"").hexdigest()
    api.deliver(api.delivery(1, b""), keep={nothing: b""})
    api.post("/api", [{"subject": "told", "sha256": nothing}])

    response = api.client.get("/v1/mails/1/raw")

    assert (response.status_code, response.data) == (200, b"")
    assert api.get("/v1/mails/1")["has_raw"]
    assert api.client.get("/v1/mails/1/raw", headers={"Range": "bytes=0-"}).status_code == 416
    assert api.client.get("/v1/mails/1/raw", headers={"Range": "bytes=-5"}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/mails/1", "/v1/mailboxes/work", "/v1/mails/1/raw"])
def test_who_has_it_already_is_told_so(api: Caller, path: str) -> None:
    api.hello()
    api.push(1)
    tag = api.client.get(path).headers["ETag"]

    for told in (tag, f'"other", {tag}', "*"):
        again = api.client.get(path, headers={"If-None-Match": told})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert api.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_changed_mailbox_has_another_tag(api: Caller) -> None:
    api.hello()
    before = api.client.get("/v1/mailboxes/work").headers["ETag"]
    api.push(1)

    after = api.client.get("/v1/mailboxes/work", headers={"If-None-Match": before})

    assert after.status_code == 200


def test_long_answers_are_compressed_for_who_takes_them_so(api: Caller) -> None:
    api.hello()
    api.push(*range(1, 20))

    def told(path: str, accepted: str) -> str | None:
        response = api.client.get(path, headers={"Accept-Encoding": accepted})
        assert response.headers["Content-Length"] == str(len(response.data))
        return response.headers.get("Content-Encoding")

    assert told("/v1/mails", "br, gzip") == "gzip"
    assert told("/v1/mails", "*") == "gzip"
    assert told("/v1/mails", "gzip;q=0") is None
    assert told("/v1/mails", "") is None
    assert told("/v1/mails?limit=1&fields=id", "gzip") is None
    assert told("/v1/mails/1/raw", "gzip") is None
    assert "Accept-Encoding" in api.client.get("/v1/mails?limit=1").headers["Vary"]
