"""The index of words in PostgreSQL: a tsvector a mail; see wordindex.

Texts are cut into words here, as FTS5 cuts them, not by the server's parser, which would see
addresses and numbers in them: the same query finds the same mails in both.
"""

import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any as Anything

import peewee

from ..models import Mail, database
from . import stems
from .fold import wanted
from .querytree import All, Any, Node, Not, Words, looked_for

_CREATE = (
    "CREATE TABLE mail_words (mail_id BIGINT PRIMARY KEY REFERENCES mails (id), "
    "words TSVECTOR NOT NULL)",
    "CREATE INDEX mail_words_words ON mail_words USING gin (words)",
    # Who looks for a word that most mails have reads the words of the newest: kept as they are.
    "ALTER TABLE mail_words ALTER words SET STATISTICS 1000",
)
_INSERT = "INSERT INTO mail_words (mail_id, words) VALUES (%s, %s::tsvector)"
#: By each word, the mails that have it; those of long texts a little less.
_RANKS = """
    SELECT a.n, w.mail_id, ts_rank(%s::real[], w.words, a.word::tsquery, 1)
    FROM unnest(%s::text[]) WITH ORDINALITY AS a(word, n) JOIN mail_words w
    ON w.words @@ a.word::tsquery WHERE w.mail_id = ANY(%s)"""
_TABLE = peewee.Table("mail_words", ("mail_id", "words"))
#: A column's weight, in their order; files share that of the text, and have a mark besides.
WEIGHTS = ("A", "B", "C", "D", "D")
_COLUMNS = {"subject": "A", "sender": "B", "recipients": "C"}
#: Before the words of files, once more, for those who look only there: no word begins so.
MARK = "\ue000\u0001"
#: What a tsvector holds: places up to this number, 256 of a word, and a megabyte in all.
MOST_PLACES, LAST_PLACE, MOST_BYTES = 255, 16_383, 1_000_000
#: A longer word is cut, here and in the query.
LONGEST = 500


class _Separate(dict[int, int]):
    """Letters, numbers and their marks stay; each other character becomes a space."""

    def __missing__(self, code: int) -> int:
        kind = unicodedata.category(chr(code))
        self[code] = code if kind[0] in "LN" or kind in ("Co", "Mc", "Mn") else 32
        return self[code]


_SEPARATE = _Separate()


def create() -> None:
    """Make an empty index."""
    for statement in _CREATE:
        database.execute_sql(statement)


def is_outdated() -> bool:
    """Never yet: it was never made otherwise."""
    return False


def drop() -> None:
    """Forget the index."""
    database.execute_sql("DROP TABLE mail_words")


def add(rows: Sequence[Sequence[Anything]]) -> None:
    """Index words: an id and the texts of the columns."""
    cut = [(id_, [words_of(text) for text in texts]) for id_, *texts in rows]
    known = stems.of({word for _, texts in cut for words in texts for word in words})
    database.many(_INSERT, [(id_, vector(texts, known)) for id_, texts in cut])


def forget(rows: Sequence[Sequence[Anything]]) -> None:
    """Take them back, whatever they were."""
    database.many("DELETE FROM mail_words WHERE mail_id = %s", [(row[0],) for row in rows])


def words_of(text: str) -> list[str]:
    """The words of a folded text."""
    return [word[:LONGEST] for word in text.translate(_SEPARATE).split()]


def vector(texts: Sequence[Sequence[str]], known: stems.Stems) -> str:
    """The words of all columns as the server reads them, each with its places."""
    found: dict[str, list[str]] = {}
    left = MOST_BYTES
    for word, at, weight in _placed(texts, known):
        places = found.get(word)
        if places is None:
            left -= len(word.encode()) + 8
            if left < 0:
                # What is left of a text of a million letters, none twice, is found by no one.
                break
            places = found[word] = []
        if at <= LAST_PLACE and len(places) < MOST_PLACES:
            places.append(f"{at}{weight}")
            left -= 2
    return " ".join(f"'{word}':{','.join(at)}" if at else f"'{word}'" for word, at in found.items())


def _placed(texts: Sequence[Sequence[str]], known: stems.Stems) -> Iterator[tuple[str, int, str]]:
    at = 0
    for words, weight in zip(texts, WEIGHTS, strict=True):
        # A place is left out between two columns: no phrase goes from one into the next.
        at += 1
        for word in words:
            at += 1
            yield known.get(word, word), at, weight
    at += 1
    for word in texts[-1]:
        at += 1
        yield MARK + known.get(word, word), at, "D"


def selected(tree: Node) -> peewee.Node:
    """Whether a wordy tree selects a mail; the server knows how common words are."""
    return Mail.id.in_(hits(tree))


def hits(tree: Node, between: tuple[int, int] | None = None) -> peewee.Select:
    """Ids of the mails that a wordy tree selects, of all or of those between two ids."""
    found = _TABLE.select(_TABLE.mail_id).where(
        peewee.SQL("words @@ %s::tsquery", (expression(tree),))
    )
    return found.where(_TABLE.mail_id.between(*between)) if between else found


def scores(tree: Node, ids: Sequence[int], weights: Sequence[float]) -> dict[int, float]:
    """Of these mails, those that words of the tree are in, with their ranks: less is better."""
    subject, sender, recipients, body, _ = (weight / max(weights) for weight in weights)
    asked = [expression(each) for each in looked_for(tree)]
    given = ([body, recipients, sender, subject], asked, list(ids))
    found = defaultdict(list)
    for word, mail, rank in database.execute_sql(_RANKS, given):
        found[word].append((mail, rank))
    total: dict[int, float] = defaultdict(float)
    for ranks in found.values():
        # A word that few of them have says more.
        weight = math.log(1 + len(ids) / len(ranks))
        for mail, rank in ranks:
            total[mail] -= weight * rank
    return dict(total)


def expression(tree: Node) -> str:
    """A wordy tree as the server reads it."""
    match tree:
        case Words():
            return _phrase(tree)
        case Not(part):
            return f"!{expression(part)}"
        case Any(parts):
            return _joined(" | ", parts)
        case All(parts):
            return _joined(" & ", parts)
    raise TypeError(tree)


def _joined(by: str, parts: Iterable[Node]) -> str:
    return f"({by.join(map(expression, parts))})"


def _phrase(one: Words) -> str:
    text, goes_on = wanted(one.text)
    words = words_of(text)
    known = stems.of(set(words))
    mark, weight = (MARK, "") if one.column == "files" else ("", _COLUMNS.get(one.column, ""))
    asked = [_lexeme(mark + known.get(word, word), weight) for word in words]
    if words and (one.prefix or goes_on):
        whole = _lexeme(mark + words[-1], f"*{weight}")
        stem = known.get(words[-1], words[-1])
        asked[-1] = whole if stem == words[-1] else f"({whole} | {_lexeme(mark + stem, weight)})"
    # Nothing but signs is no word, and finds nothing.
    return f"({' <-> '.join(asked)})" if asked else _lexeme(MARK, "")


def _lexeme(word: str, flags: str) -> str:
    return f"'{word}':{flags}" if flags else f"'{word}'"
