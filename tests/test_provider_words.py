"""The words behind `python -m provider`: what they say to what they cannot use."""

import sys

import pytest

from provider.__main__ import ACTIONS, run


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *line: str) -> str:
    monkeypatch.setattr(sys, "argv", ["provider", *line])
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == (0 if "--help" in line else 2)
    out, err = capsys.readouterr()
    return out + err


def test_help_tells_of_each_word(monkeypatch, capsys):
    whole = said(monkeypatch, capsys, "--help")

    assert all(word in whole for word in ACTIONS)
    for word in ACTIONS:
        assert f"usage: python -m provider {word}" in said(monkeypatch, capsys, word, "--help")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("list work --limit -1", "--limit: found '-1', expected a whole number"),
        ("list work --from 1e3", "--from: found '1e3', expected a whole number"),
        ("list work --from ²", "--from: found '²', expected a whole number"),
        ("delete work --older-than 30d", "--older-than: found '30d', expected a whole number"),
        ("delete work --larger-than 10Q", "found '10Q', expected a size like 500k or 10M"),
        ("delete work home", "unrecognized arguments: home"),
    ],
)
def test_an_argument_that_is_none_is_told_in_words(monkeypatch, capsys, line, sentence):
    assert sentence in said(monkeypatch, capsys, *line.split())
