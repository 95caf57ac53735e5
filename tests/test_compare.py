"""The order of proofs by which two header blocks are the same mail's."""

import pytest

from provider.tools.compare import compare

HEAD = (
    b"Received: from a by b\r\nFrom: Ann <ann@example.org>\r\nTo: Bob\r\n"
    b"Subject: hello\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n"
)
BARE = HEAD.replace(b"Message-ID: <1@x>\r\n", b"")


def decided(one, other):
    verdict = compare(one, other)
    return verdict.same, verdict.proof, verdict.certain


def test_equal_text_is_enough_whatever_the_line_ends():
    assert decided(HEAD, HEAD.replace(b"\r\n", b"\n") + b"\n") == (True, "same_headers", True)


@pytest.mark.parametrize("name", [b"Status", b"X-Status", b"X-UIDL", b"status"])
def test_state_that_servers_keep_in_headers_does_not_count(name):
    assert decided(HEAD, name + b": RO\r\n" + HEAD) == (True, "same_without_status", True)


def test_another_message_id_is_another_mail():
    assert decided(HEAD, HEAD.replace(b"<1@x>", b"<2@x>")) == (False, "other_message_id", False)
    assert decided(HEAD, BARE) == (False, "other_message_id", False)


@pytest.mark.parametrize("more", [b"", b"Message-ID: <1@x>\r\n"])
def test_fields_that_servers_add_leave_a_likeness_that_is_no_certainty(more):
    other = b"X-Spam: no\r\n" + BARE + more

    assert decided(BARE + more, other) == (True, "common_headers", False)


@pytest.mark.parametrize("name", [b"Received", b"From", b"To", b"Subject", b"Date"])
def test_each_common_header_counts(name):
    other = BARE.replace(name + b": ", name + b": other ")

    assert decided(BARE, other) == (False, "other_headers", False)


def test_one_more_of_a_common_header_counts():
    assert decided(BARE, BARE + b"Cc: Eve\r\n") == (False, "other_headers", False)


def test_folding_and_case_of_names_do_not_count_among_common_headers():
    other = BARE.replace(b"Subject: hello", b"SUBJECT:\r\n hello")

    assert decided(BARE, other) == (True, "common_headers", False)


def test_empty_headers_are_equal():
    assert decided(b"", b"\r\n") == (True, "same_headers", True)
