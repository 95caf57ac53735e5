"""How faithful each mail parser is, fact by fact, against a suite of mails with their answers.

python -m bench.fidelity SUITE [--speed FOLDER] [--explain PARSER]
"""

import argparse
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.answers import PEOPLE, Facts, File, read_suite
from bench.rivals import Parser, parsers
from postroom.parsing.flowed import unflow

Judged = tuple[str, bool, Any, Any]


def judge(want: Facts, got: Facts) -> Iterator[Judged]:
    """Yield each fact that the answers know: name, right or not, wanted, got."""
    yield "subject", _same(want.subject, got.subject), want.subject, got.subject
    if any(want.people.values()):
        wanted = [_pairs(want.people.get(key, ())) for key in PEOPLE]
        given = [_pairs(got.people.get(key, ())) for key in PEOPLE]
        yield "addresses", _same(str(wanted), str(given)), wanted, given
    if want.date:
        yield "date", want.date == got.date, want.date, got.date
    if want.message_id:
        yield "message id", want.message_id == got.message_id, want.message_id, got.message_id
    yield "text", _text(want, got.text), want.text, got.text
    inner = [text for text in want.inner_texts if text.strip()]
    if inner:
        yield "inner text", all(_squeeze(t) in _squeeze(got.text) for t in inner), inner, got.text
    yield "html", _same(want.html, got.html), want.html, got.html
    yield from _judge_files(want, got)


def _judge_files(want: Facts, got: Facts) -> Iterator[Judged]:
    """Judge what is attached; listing the files of inner mails, too, or not is both right."""
    for what in ("names", "types", "sizes", "hashes"):
        given = [_known(one, what) for one in got.files]
        lists = [want.files, [*want.files, *want.inner_files]]
        wanted = [[_known(one, what) for one in files] for files in lists]
        yield f"file {what}", any(_match(one, given) for one in wanted), wanted[-1], given


def _known(one: File, what: str) -> frozenset[Any] | None:
    if what in {"names", "types"}:
        return frozenset({_squeeze(one.name if what == "names" else one.type)})
    return one.sizes if what == "sizes" else one.hashes


def _match(wanted: list[frozenset[Any] | None], given: list[frozenset[Any] | None]) -> bool:
    left = list(given)
    for one in sorted(wanted, key=lambda one: (one is None, len(one or ()))):
        found = next((g for g in left if one is None or _agree(one, g or frozenset())), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def _agree(wanted: frozenset[Any], given: frozenset[Any]) -> bool:
    return any(_same(str(w), str(g)) for w in wanted for g in given)


def _text(want: Facts, got: str) -> bool:
    """Compare readable text: soft breaks joined or not, inner mails below it or not."""
    given = _squeeze(got)
    if not _squeeze(want.text):
        return not given or bool(want.html or want.inner_texts)
    forms = {_squeeze(form) for form in (want.text, unflow(want.text.replace("\r\n", "\n")))}
    return any(_same(form, given[: len(form)] if want.inner_texts else given) for form in forms)


def _same(want: str, got: str) -> bool:
    """Compare but for spaces; what the suite itself could not decode may be any character."""
    wanted, given = _squeeze(want), _squeeze(got)
    if "\ufffd" not in wanted:
        return wanted == given
    return re.fullmatch(re.escape(wanted).replace("\ufffd", ".{1,3}"), given) is not None


def _squeeze(text: str) -> str:
    return " ".join(text.replace("\0", "\ufffd").replace("\ufeff", "").split())


def _pairs(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(_squeeze(name), _squeeze(address)) for name, address in pairs]


def score(parser: Parser, suite: Path, tell: Callable[[str], None] | None) -> Counter[str]:
    """Count right facts ("=name") and all facts ("name") over the suite."""
    counted: Counter[str] = Counter()
    for name, raw, want in read_suite(suite):
        try:
            got = parser(raw)
        except Exception as e:  # noqa: BLE001 - a rival may fail in any way; that is a finding
            counted["exceptions"] += 1
            got = Facts(subject=f"{type(e).__name__}")
        for fact, right, wanted, given in judge(want, got):
            counted[fact] += 1
            counted[f"={fact}"] += right
            if tell and not right:
                tell(f"{name}: {fact}")
                tell(f"    wanted {str(wanted)[:300]}")
                tell(f"    got    {str(given)[:300]}")
    return counted


def speed(parser: Parser, raws: Sequence[bytes], rounds: int = 3) -> float:
    """Return mails per second: the best of some rounds, one process, one core."""
    best = 0.0
    for _ in range(rounds):
        start = time.process_time()
        for raw in raws:
            try:
                parser(raw)
            except Exception:  # noqa: BLE001, S112 - see score()
                continue
        best = max(best, len(raws) / (time.process_time() - start))
    return best


def table(scores: dict[str, Counter[str]], speeds: dict[str, float]) -> Iterator[str]:
    """Yield the lines of the table."""
    facts: dict[str, int] = {}
    for counted in scores.values():
        for fact, number in counted.items():
            if not fact.startswith("=") and fact != "exceptions":
                facts[fact] = max(facts.get(fact, 0), number)
    yield f"{'fact':14}{'of':>6}" + "".join(f"{name:>18}" for name in scores)
    for fact, number in facts.items():
        yield f"{fact:14}{number:>6}" + "".join(f"{c[f'={fact}']:>18}" for c in scores.values())
    total = [sum(n for f, n in c.items() if f.startswith("=")) for c in scores.values()]
    yield f"{'all facts':14}{sum(facts.values()):>6}" + "".join(f"{n:>18}" for n in total)
    yield f"{'exceptions':20}" + "".join(f"{c['exceptions']:>18}" for c in scores.values())
    if speeds:
        yield f"{'mails/s':20}" + "".join(f"{speeds[name]:>18,.0f}" for name in scores)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("suite", type=Path)
    options.add_argument("--speed", type=Path, metavar="FOLDER", help="mails to time, one a file")
    options.add_argument("--explain", default="", metavar="PARSER", help="show each wrong fact")
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    raws = (
        [p.read_bytes() for p in sorted(chosen.speed.rglob("*")) if p.is_file()]
        if chosen.speed
        else []
    )
    scores, speeds = {}, {}
    for name, parser in parsers():
        scores[name] = score(parser, chosen.suite, print if name == chosen.explain else None)
        speeds[name] = speed(parser, raws) if raws else 0.0
    print(*table(scores, speeds if raws else {}), sep="\n")


if __name__ == "__main__":
    main()
