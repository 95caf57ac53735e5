"""What examples/currency.py and examples/weather.py read: two pages with made-up values."""

from html import escape

#: Code, name, and how much of it one euro is.
RATES = (
    ("USD", "US dollar", "1.0842"),
    ("GBP", "Pound sterling", "0.8571"),
    ("CHF", "Swiss franc", "0.9634"),
    ("SEK", "Swedish krona", "11.2870"),
    ("JPY", "Japanese yen", "163.41"),
    ("ISK", "Icelandic króna", "149.90"),
)
#: Place, sky, temperature, wind, rain.
WEATHER = (
    ("Oslo", "snow", "\N{MINUS SIGN}4 °C", "12 km/h", "3.5 mm"),
    ("Porto", "sunny", "21 °C", "18 km/h", "0 mm"),
    ("Tórshavn", "gale", "7 °C", "88 km/h", "14 mm"),
)
TERMS = ("Sky", "Temperature", "Wind", "Rain")


def currency() -> bytes:
    """A table with a row for each currency."""
    rows = "".join(f"<tr><td>{name}<td>{code}<td>{rate}</tr>\n" for code, name, rate in RATES)
    head = "<tr><th>Currency<th>Code<th>One euro is</tr>"
    return _page("Currencies", f"<table>\n{head}\n{rows}</table>")


def weather() -> bytes:
    """A heading for each place, and below it a list of terms and values."""
    return _page("Weather", "".join(_place(*each) for each in WEATHER))


def _place(name: str, *values: str) -> str:
    terms = zip(TERMS, values, strict=True)
    listed = "".join(f"<dt>{term}<dd>{escape(value)}\n" for term, value in terms)
    return f"<section><h2>{name}</h2><dl>\n{listed}</dl></section>\n"


def _page(title: str, body: str) -> bytes:
    head = f"<!DOCTYPE html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>"
    return f"{head}\n{body}\n".encode()
