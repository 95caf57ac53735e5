"""What a query says, as a frozen tree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

#: Where words are looked for; "" is everywhere.
Column = Literal["", "subject", "sender", "recipients", "files"]


@dataclass(frozen=True, slots=True)
class Words:
    """A word, or a phrase: words that stand side by side."""

    text: str
    column: Column = ""
    #: Whether the last word may go on.
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Stated:
    """What is not looked up among words: has, before, after, mailbox, folder, larger, smaller."""

    field: str
    value: str | int


@dataclass(frozen=True, slots=True)
class Not:
    """Mails that the part does not select."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class All:
    """Mails that each part selects."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Any:
    """Mails that a part selects."""

    parts: "tuple[Node, ...]"


Node = Words | Stated | Not | All | Any


def looked_for(tree: Node) -> Iterator[Words]:
    """The words that a mail is found by, in order; not those that it must not have."""
    match tree:
        case Words():
            yield tree
        case All(parts) | Any(parts):
            for part in parts:
                yield from looked_for(part)


def is_wordy(tree: Node) -> bool:
    """Whether an index of words alone can answer it: nothing stated, and not only a Not."""
    match tree:
        case Words():
            return True
        case Any(parts):
            return all(map(is_wordy, parts))
        case All(parts):
            # A plain Not is answered beside words that are there, never by itself.
            needed = [part for part in parts if not isinstance(part, Not)]
            unwanted = [part.part for part in parts if isinstance(part, Not)]
            return bool(needed) and all(map(is_wordy, (*needed, *unwanted)))
    return False


def split(tree: Node) -> tuple[Node | None, tuple[Node, ...]]:
    """The part of a conjunction that an index of words answers at once, and the other parts."""
    if is_wordy(tree):
        return tree, ()
    if not isinstance(tree, All):
        return None, (tree,)
    wordy = tuple(part for part in tree.parts if is_wordy(part) or _is_unwanted(part))
    if not is_wordy(All(wordy)):
        return None, tree.parts
    others = tuple(part for part in tree.parts if part not in wordy)
    return wordy[0] if len(wordy) == 1 else All(wordy), others


def _is_unwanted(part: Node) -> bool:
    return isinstance(part, Not) and is_wordy(part.part)
