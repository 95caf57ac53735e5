"""The beginning of what a run put out, as text for people."""

from typing import NamedTuple

from postroom.errors import ObjectMissingError
from postroom.storage import Storage

from ..models import Run
from ..rest import scripted

#: Bytes that are read of one output.
MOST = 256 * 1024


class Text(NamedTuple):
    """What was read."""

    text: str
    #: There is more of it.
    is_cut: bool = False
    #: Its bytes are not in the storage any more.
    is_gone: bool = False


def read(store: Storage, run: scripted.Run, most: int = MOST) -> Text:
    """The first bytes of a run's output; nothing where it has none."""
    if run.output is None:
        return Text("")
    key = Run.select(Run.output_key).where(Run.id == run.id).scalar()
    try:
        with store.open_read(key, 0, min(most, run.output.size)) as stream:
            found = stream.read()
    except ObjectMissingError:
        return Text("", is_gone=True)
    # A cut may go through the middle of a character.
    is_cut = run.output.size > most
    return Text(found.decode(errors="ignore" if is_cut else "replace"), is_cut)
