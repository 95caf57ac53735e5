"""Words brought to their stems by PostgreSQL's dictionaries, where a language is set."""

from collections.abc import Collection

from postroom.errors import SettingsError

from ..models import Fact, database, now

#: Words by themselves; a word that is not in it is its own stem.
Stems = dict[str, str]
SIMPLE = "simple"
FACT = "search_language"
_MOST_KEPT = 100_000
_KEPT: Stems = {}
_LANGUAGE = [SIMPLE]
_DICTIONARIES = "SELECT dictname FROM pg_ts_dict WHERE dictname LIKE '%%\\_stem' ORDER BY dictname"


def use(language: str) -> None:
    """Stem words so from now on; SettingsError for a language that the server does not know."""
    if language != SIMPLE:
        known = [name.removesuffix("_stem") for (name,) in database.execute_sql(_DICTIONARIES)]
        if language not in known:
            raise SettingsError(
                f"[api] search_language = {language}: take simple, or one of {', '.join(known)}"
            )
    _LANGUAGE[0] = language
    _KEPT.clear()


def indexed() -> str:
    """The language by which the words in the index were stemmed."""
    return Fact.select(Fact.value).where(Fact.name == FACT).scalar() or SIMPLE


def note(language: str) -> None:
    """Write it down; call it inside a write transaction."""
    if not Fact.update(value=language, changed=now()).where(Fact.name == FACT).execute():
        Fact.create(name=FACT, value=language)


def of(words: Collection[str]) -> Stems:
    """The stems of the words that have others than themselves."""
    language = _LANGUAGE[0]
    if language == SIMPLE:
        return {}
    if len(_KEPT) > _MOST_KEPT:
        _KEPT.clear()
    if new := [word for word in words if word not in _KEPT]:
        sql = f"SELECT w, (ts_lexize('{language}_stem', w))[1] FROM unnest(%s::text[]) w"  # noqa: S608
        # A word that says nothing has no stem: it stays, since phrases are made of such, too.
        _KEPT.update((word, stem or word) for word, stem in database.execute_sql(sql, (new,)))
    return {word: _KEPT[word] for word in words}
