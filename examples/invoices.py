"""Invoices out of mails: number, sum and due date, as CSV.

Try it on a mail of your own:

    python -m runner try examples/invoices.py --mail FILE

Trigger: each new mail that a search finds, such as `invoice OR rechnung OR facture`; a replay runs
it over all mails that are there already.
Arguments: `month_first`, true where 03/04/2026 is the 4th of March (else it is the 3rd of April).
Out comes: output.txt, and the same as invoices.csv: a row for each invoice, and one for each
currency of its sum. What was not found is an empty cell, and the log says so; a mail without an
invoice has no output. "$" and "kr" stay as they are written, as many countries have them.

It reads what stands in the mail, in English, German, French, Italian, Spanish, Portuguese, Dutch
and the Scandinavian languages, not what stands in an attached PDF alone.
"""

import csv
import io
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import NamedTuple

from postroom_script import context, output

FLAGS = re.IGNORECASE

# --- the number

KIND = r"(?:invoice|bill|rechnungs?|facture|fattura|factura|fatura|factuur|faktura)"
WORD = r"(?:number|nummer|num[eé]ro|n[uú]m|nr|no|n\.?\s?[°º]|n(?=\.)|id)"
#: Letters, digits and what joins them, with a digit among them.
DIGITS = r"(?P<number>(?=[A-Z/._-]*\d)[A-Z0-9](?:[A-Z0-9/._-]*[A-Z0-9])?)"
NUMBERS = [
    re.compile(rf"{KIND}[\s-]*(?:{WORD}(?![a-z])\.?|#)\s*[:#]?\s*{DIGITS}", FLAGS),
    re.compile(
        rf"\b{WORD}\.?\s+(?:de |of |della |da |di |la |the )*{KIND}\s*[:#]?\s*{DIGITS}", FLAGS
    ),
    re.compile(rf"\b{KIND}\s*:?\s*{DIGITS}", FLAGS),
]

# --- the sum

SIGNS = {"€": "EUR", "£": "GBP", "us$": "USD", "zł": "PLN", "kč": "CZK", "fr.": "CHF", "¥": "JPY"}
CODES = "EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|BRL|INR"
CURRENCY = rf"(?:(?:{CODES})\b|US\$|[€£$¥]|zł|Kč|Fr\.|kr\b)"
#: Groups of digits; a blank between them only before three more.
AMOUNT = r"\d+(?:[.,'\u2019]\d+|[ \u00a0\u202f]\d{3}(?!\d))*"
MONEY = (
    rf"(?P<sign>[-\u2212])?(?:(?P<before>{CURRENCY})[ \u00a0]?)?(?P<minus>[-\u2212])?"
    rf"(?P<amount>{AMOUNT})(?:,?-{{1,2}})?"
    rf"(?![\d%]|[ \u00a0]?%)(?:[ \u00a0\u202f]?(?P<after>{CURRENCY}))?"
)
#: The surest names of the sum come first.
SUMS = [
    r"amount due|total due|balance due|amount payable|total to pay|zu zahlen(?:der betrag)?|"
    r"zahlbetrag|rechnungsbetrag|gesamtbetrag|endbetrag|net à payer|montant dû|total ttc|"
    r"total[ea]? da pagare|importe total|total a pagar|te betalen|att betala|at betale|å betale",
    r"grand total|total|gesamtsumme|gesamt|summe|brutto|betrag|montant|totale|importe|totaal|"
    r"totalt|i alt|amount|sum",
]
#: "Total excl. VAT" and "Total VAT" are not the sum.
NOT_SUM = (
    r"(?!\s*\(?(?:excl|before|without|net\b|netto|ht\b|hors|sans|vat|tax|mwst|tva|iva|btw|items))"
)
GAP = r"(?:[^\d\n€£$¥\u2212-]|-(?=[\s-])|\d+(?:[.,]\d+)?\s?%){0,40}?\s{0,3}"
TOTALS = [
    re.compile(rf"(?<![\w-])(?<!sub )(?:{words})\b{NOT_SUM}{GAP}(?<![\d.,]){MONEY}", FLAGS)
    for words in SUMS
]

# --- the due date

DUE = (
    r"due(?: date)?|due (?:by|on)|pay(?:able|ment)? (?:by|due|until)|zahlbar bis|zu zahlen bis|"
    r"fällig(?:keit|keitsdatum)?|zahlungsziel|échéance|à payer avant|payable avant|scadenza|"
    r"vencimiento|vencimento|vence|vervaldatum|te betalen voor|förfallodatum|forfaldsdato|"
    r"forfallsdato"
)
DATE = (
    r"(?:(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
    r"|(?P<a>\d{1,2})[./-](?P<b>\d{1,2})[./-](?P<y2>\d{4}|\d\d)"
    r"|(?P<d3>\d{1,2})(?:\.|st|nd|rd|th|er)?(?: de| of)? (?P<m3>[^\W\d]{3,10})\.?(?: de)?,?"
    r" (?P<y3>\d{4})"
    r"|(?P<m4>[^\W\d]{3,10})\.? (?P<d4>\d{1,2})(?:st|nd|rd|th)?,? (?P<y4>\d{4}))(?!\d)"
)
DUE_DATE = re.compile(rf"\b(?:{DUE})\b[^\d\n]{{0,30}}?\s{{0,3}}\b{DATE}", FLAGS)
DUE_DAYS = re.compile(
    r"\b(?:within|innerhalb(?: von)?|binnen|sous|entro|dentro de|inom|inden|net)\s+(\d{1,3})\s*"
    r"(?:days|tagen?|jours|giorni|d[ií]as|dias|dagen|dagar|dage)",
    FLAGS,
)
MONTHS = [
    "jan jän gen ene", "feb fév fev", "mar mär mrt", "apr avr abr", "may mai mag mei maj",
    "jun juin giu", "jul juil lug", "aug aoû ago", "sep set", "oct okt out ott", "nov",
    "dec dez déc dic des",
]  # fmt: skip
MONTH = {start: n for n, starts in enumerate(MONTHS, 1) for start in starts.split()}


class Money(NamedTuple):
    """A sum as it is written into the table."""

    amount: str
    currency: str


class Text(HTMLParser):
    """The text of a mail's HTML: a line for each block, blanks between cells."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Blocks and cells part what they hold."""
        self._hidden = tag in ("style", "script", "title")
        self.text += " " if tag in ("td", "th") else "\n" if tag in ("tr", "p", "div", "br") else ""

    def handle_endtag(self, tag: str) -> None:
        """After a style there is text again."""
        self._hidden = False

    def handle_data(self, data: str) -> None:
        """Line breaks of the source mean nothing."""
        if not self._hidden:
            self.text += re.sub(r"\s+", " ", data)


def number(text: str) -> str:
    """The invoice's number; what is a date is none."""
    for pattern in NUMBERS:
        for match in pattern.finditer(text):
            if not re.fullmatch(DATE, match["number"], FLAGS):
                return match["number"]
    return ""


def sums(text: str) -> list[Money]:
    """The sum in each currency that the surest name of a sum comes with; the last one counts."""
    for pattern in TOTALS:
        found: dict[str, Money] = {}
        for match in pattern.finditer(text):
            sign = match["before"] or match["after"] or ""
            currency = SIGNS.get(sign.lower(), sign.upper() if len(sign) == 3 else sign)
            amount = plain(match["amount"])
            # A number alone, such as "Total: 3", may count anything.
            if amount and (currency or "." in amount):
                found[currency] = Money(
                    ("-" if match["sign"] or match["minus"] else "") + amount, currency
                )
        if len(found) > 1:
            found.pop("", None)
        if found:
            return list(found.values())
    return []


def plain(written: str) -> str:
    """1.234,50 and 1,234.50 and 1'234.50 as 1234.50; nothing for what is no amount, as a date."""
    groups = re.split(r"\D", written)
    signs = re.findall(r"\D", written)
    cents = ""
    if signs and len(groups[-1]) <= 2:
        if signs[-1] not in ".," or signs.count(signs[-1]) > 1:
            return ""
        cents = "." + groups.pop().ljust(2, "0")
    if any(len(group) not in (2, 3) for group in groups[1:]):
        return ""
    return "".join(groups) + cents


def due(text: str, sent: date) -> str:
    """The date until which to pay, as 2026-01-31."""
    for match in DUE_DATE.finditer(text):
        if told := read(match):
            return told
    if match := DUE_DAYS.search(text):
        return str(sent + timedelta(days=int(match[1])))
    return ""


def read(match: re.Match[str]) -> str:
    """The date that was found; nothing for one that does not exist."""
    if match["y"]:
        year, month, day = match["y"], match["m"], match["d"]
    elif match["a"]:
        year, month, day = match["y2"], match["b"], match["a"]
        if context.arguments.get("month_first") or int(month) > 12:
            month, day = day, month
    else:
        word = (match["m3"] or match["m4"]).lower()
        year, day = match["y3"] or match["y4"], match["d3"] or match["d4"]
        month = MONTH.get(word[:4]) or MONTH.get(word[:3]) or 0
    try:
        return str(date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day)))
    except ValueError:
        return ""


def safe(cell: str) -> str:
    """A stranger's words must not become a formula of the spreadsheet that opens this."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


mail = context.mail
text = f"{mail.subject}\n{mail.text}"
if mail.html and not sums(text):
    # Some write "see the HTML part" and nothing else into the plain text.
    page = Text()
    page.feed(mail.html)
    page.close()
    text += f"\n{page.text}"

found, payable = number(text), sums(text)
if found or (payable and re.search(rf"\b{KIND}", text, FLAGS)):
    until = due(text, date.fromisoformat(mail.date[:10]))
    for what, value in (("number", found), ("sum", payable), ("due date", until)):
        if not value:
            print(f"no {what} in {mail.subject!r}")
    sender = mail.from_[0].address if mail.from_ else ""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["number", "sum", "currency", "due", "from", "subject"])
    for money in payable or [Money("", "")]:
        writer.writerow([found, *money, until, safe(sender), safe(mail.subject)])
    output.write(table.getvalue())
    output.file("invoices.csv", table.getvalue())
else:
    print(f"no invoice in {mail.subject!r}")
