"""The filters of the search are parts of the query's own text."""

import pytest

from api.search.querylang import parse
from api.search.querytree import Stated
from api.web.mailquery import FIELDS, can_say, stated, term, with_fields


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("price", {}),
        ("price mailbox:work", {"mailbox": "work"}),
        ('folder:"Sent Mail" has:attachment', {"folder": "Sent Mail", "has": "attachment"}),
        ("after:2026 before:2026-02", {"after": "2026-01-01", "before": "2026-02-01"}),
        ("mailbox:work mailbox:home", {"mailbox": "work"}),
        ("mailbox:OR", {"mailbox": "OR"}),
        ("a OR mailbox:work", {}),
        ("(a OR b) mailbox:work", {"mailbox": "work"}),
        ("(mailbox:work) -mailbox:home NOT has:defect", {}),
        ('"mailbox:work"', {}),
        ("lunch (friday", {}),
        ("", {}),
    ],
)
def test_a_query_fills_the_fields(query, fields):
    assert stated(query) == fields


@pytest.mark.parametrize(
    ("query", "changed", "then"),
    [
        ("", {"mailbox": "work"}, "mailbox:work"),
        ("price", {"mailbox": "work"}, "price mailbox:work"),
        ("price", {"folder": "Sent Mail"}, 'price folder:"Sent Mail"'),
        ("mailbox:work price", {"mailbox": "home"}, "price mailbox:home"),
        ("mailbox:work price", {"mailbox": ""}, "price"),
        ("a mailbox:work mailbox:home b", {"mailbox": ""}, "a b"),
        ("price AND mailbox:work", {"mailbox": ""}, "price"),
        ("mailbox:work AND price AND has:defect", {"mailbox": "", "has": ""}, "price"),
        ("mailbox:a AND mailbox:b AND c", {"mailbox": ""}, "c"),
        ("price OR list", {"mailbox": "work"}, "(price OR list) mailbox:work"),
        ("(price OR list) x", {"has": "attachment"}, "(price OR list) x has:attachment"),
        ('from:ann folder:"A B" x', {"folder": "B"}, "from:ann x folder:B"),
        ("lunch (friday", {"mailbox": "work"}, "lunch (friday mailbox:work"),
        ("before:2026-02", {"before": "2026-03-05"}, "before:2026-03-05"),
    ],
)
def test_a_changed_field_is_written_into_the_query(query, changed, then):
    sent = {**dict.fromkeys(FIELDS, ""), **stated(query), **changed}

    assert with_fields(query, query, sent) == then


def test_a_changed_text_counts_more_than_fields_that_still_say_what_it_said():
    was = "price mailbox:work after:2026"
    sent = {"mailbox": "work", "after": "2026-01-01", "folder": "", "before": "", "has": ""}

    assert with_fields("price", was, sent) == "price"
    assert with_fields("price mailbox:home", was, sent) == "price mailbox:home"
    assert with_fields("offer", was, {**sent, "has": "defect"}) == "offer has:defect"


@pytest.mark.parametrize("name", ["work", "Sent Mail", "a:b", "50%", "über", "(x)", "AND", "a*b"])
def test_each_name_is_said_so_that_it_is_understood(name):
    assert can_say(name)
    assert parse(term("mailbox", name)) == Stated("mailbox", name)


def test_a_name_with_a_quotation_mark_cannot_be_said():
    assert not can_say('a"b')
    assert not can_say("")
