"""Invoices out of mails: number, sum and due date, one line of CSV each.

As a trigger: on_mail = "subject:invoice". A replay over all stored mails gives the whole list.
"""

import csv
import io
import re
from datetime import datetime

from postroom_script import context, output

NUMBER = re.compile(r"\binvoice\s*(?:no\.?|number|nr\.?|#|:)*\s*([A-Z0-9][\w/-]*\d[\w/-]*)", re.I)
SUM = re.compile(
    r"(?:total|amount|sum)\b[^\d\n]{0,30}?(EUR|USD|GBP|CHF|[€$£])?\s*"
    r"(\d[\d.,'\u00a0 ]*\d|\d)\s*(EUR|USD|GBP|CHF|[€$£])?",
    re.I,
)
DUE = re.compile(r"due\b[^\d\n]{0,30}(\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4})", re.I)
CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP"}


def amount(text: str) -> str:
    """A sum with a point, whatever separates thousands and cents."""
    digits = re.sub(r"['\s\u00a0]", "", text)
    cents = re.search(r"[.,](\d{2})$", digits)
    whole = re.sub(r"[.,]", "", digits[: cents.start()] if cents else digits)
    return f"{whole}.{cents[1] if cents else '00'}"


def date(text: str) -> str:
    """A date as ISO 8601 has it."""
    return text if "-" in text else datetime.strptime(text, "%d.%m.%Y").date().isoformat()


def main() -> None:
    """The line of this mail, or none."""
    mail = context.mail
    text = f"{mail.subject}\n{mail.text}"
    number, total, due = NUMBER.search(text), SUM.search(text), DUE.search(text)
    if not (number and total):
        print("no invoice:", mail.subject)
        return
    currency = (total[1] or total[3] or "").upper()
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(
        [
            mail.date[:10],
            mail.from_[0].address if mail.from_ else "",
            number[1],
            amount(total[2]),
            CURRENCIES.get(currency, currency),
            date(due[1]) if due else "",
        ]
    )
    output.write(line.getvalue())
    print("invoice", number[1])


main()
