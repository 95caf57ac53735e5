"""Every word that a page says has a key, and every key is used."""

import re
from typing import get_args, get_type_hints

import pytest

from api.access import users
from api.rest.answers import Mailbox
from api.rest.scripted import LastRun
from api.rest.watched import File, Page
from api.web.mail import defect
from api.web.strings import LANGUAGES, t
from tests import documents
from tests.documents import ROOT

WEB = ROOT / "api/web"
SOURCES = [*WEB.glob("*.py"), *WEB.glob("templates/*.html")]
CODE = "\n".join(path.read_text("utf-8") for path in SOURCES)
#: Keys that stand in the code as they are, and those that are put together: "mark." and a state.
WHOLE = set(re.findall(r"""["']([a-z_]+(?:\.\w+)+)["']""", CODE))
BEGUN = set(re.findall(r"""["']([a-z_]+\.)(?:["'] ~|\{)""", CODE))
CALLED = set(re.findall(r"""\bt\(\s*["']([\w.]+)["'][,)]""", CODE))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_word_that_a_page_says_is_there(language):
    texts = LANGUAGES[language]

    assert len(CALLED) > 30
    assert CALLED - set(texts) == set()
    assert [begun for begun in BEGUN if not any(key.startswith(begun) for key in texts)] == []
    assert {key for key in WHOLE if key.startswith("done.")} - set(texts) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_word_is_said_somewhere(language):
    unused = [
        key
        for key in LANGUAGES[language]
        if key not in WHOLE | CALLED and not key.startswith(tuple(BEGUN))
    ]

    assert unused == []


def test_all_languages_have_the_same_keys():
    assert len({frozenset(texts) for texts in LANGUAGES.values()}) == 1


def test_one_and_many_are_told_apart():
    assert t("time.hours", count=1) == "an hour ago"
    assert t("time.hours", count=2) == "2 hours ago"


STATES = [
    (kind, state)
    for kind, field in ((Mailbox, "state"), (Page, "state"), (File, "state"), (LastRun, "status"))
    for state in get_args(get_type_hints(kind)[field])
]


@pytest.mark.parametrize(("kind", "state"), STATES)
def test_each_state_has_its_mark(kind, state):
    assert t(f"mark.{state}")


def test_each_role_has_its_words():
    assert all(t(f"role.{role}") and t(f"role.{role}_is") for role in users.ROLES)


def test_each_defect_that_the_documents_know_has_its_words():
    told = documents.section(documents.text("docs/api.md"), "`GET /v1/mails/{id}`")
    codes = documents.rows(told)

    assert len(codes) > 20
    assert [code for code in codes if not defect(code)] == []
    assert defect("of_another_parser") == ""
