"""The example for invoices, as the runner runs it, with mails as teams really get them."""

import csv
import io
from email.message import EmailMessage
from functools import partial

import pytest

from runner import desk
from tests.scripts import Runs, artefacts, run_example, text


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path, isolation="none")


@pytest.fixture
def example(runs):
    return partial(run_example, runs)


def mailed(folder, subject, body="", html=""):
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Shop <shop@example.org>", subject
    mail["Date"] = "Mon, 02 Mar 2026 09:00:00 +0000"
    if body or not html:
        mail.set_content(body)
    if html and body:
        mail.add_alternative(html, subtype="html")
    elif html:
        mail.set_content(html, subtype="html")
    path = folder / "mail.eml"
    path.write_bytes(mail.as_bytes())
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    return desk.mail(path, parts)


@pytest.fixture
def invoice(example, tmp_path):
    """The rows that come of a mail: number, sum, currency, due date."""

    def read(subject, body="", html="", **arguments):
        ended = example("invoices", mail=mailed(tmp_path, subject, body, html), arguments=arguments)
        assert ended.status == "completed", ended.error
        rows = [*csv.reader(io.StringIO(text(ended)))]
        if rows:
            assert rows[0] == ["number", "sum", "currency", "due", "from", "subject"]
            assert artefacts(ended) == {"invoices.csv": text(ended)}
        return [tuple(row[:4]) for row in rows[1:]]

    return read


@pytest.mark.parametrize(
    ("subject", "body", "row"),
    [
        (
            "Your invoice",
            "Invoice no. INV-2026/17\nSubtotal: $1,000.00\nTotal VAT 190.00 EUR\n"
            "Total (incl. 19 % VAT): EUR 1,190.00\nDue date: 31 March 2026",
            ("INV-2026/17", "1190.00", "EUR", "2026-03-31"),
        ),
        (
            "Rechnung Nr. 4711",
            "Zwischensumme 1.000,00 €\nMwSt. 19% 190,00 €\nGesamtbetrag: 1.190,00 €\n"
            "zahlbar bis 31.03.2026 ohne Abzug",
            ("4711", "1190.00", "EUR", "2026-03-31"),
        ),
        (
            "Rechnung",
            "Rechnungsnummer: R-9\nRechnungsbetrag: CHF 12'345.60\nzahlbar innerhalb 14 Tagen",
            ("R-9", "12345.60", "CHF", "2026-03-16"),
        ),
        (
            "Votre facture",
            "Numéro de facture : F2026-08\nTotal HT 1 000,00 €\nTotal TTC 1\u202f200,50 €\n"
            "Date d'échéance : 1er avril 2026",
            ("F2026-08", "1200.50", "EUR", "2026-04-01"),
        ),
        (
            "Factura",
            "Factura n.º 77\nTotal a pagar: 89,5 EUR\nVencimiento: 15 de abril de 2026",
            ("77", "89.50", "EUR", "2026-04-15"),
        ),
        (
            "Fattura n. 12/2026",
            "Totale: 250,00 €\nScadenza: 30/04/2026",
            ("12/2026", "250.00", "EUR", "2026-04-30"),
        ),
        (
            "Faktura 3301",
            "Att betala: 2 450 kr\nFörfallodatum: 2026-04-02",
            ("3301", "2450", "kr", "2026-04-02"),
        ),
        (
            "Factuur 20260012",
            "Totaal: € 45,-\nVervaldatum: 01-04-2026",
            ("20260012", "45", "EUR", "2026-04-01"),
        ),
        (
            "Invoice #88",
            "Amount due: $99.00\nDue by April 3rd, 2026",
            ("88", "99.00", "$", "2026-04-03"),
        ),
    ],
)
def test_an_invoice_is_read_in_many_languages(invoice, subject, body, row):
    assert invoice(subject, body) == [row]


def test_an_invoice_in_html_alone(invoice):
    html = (
        "<style>td{color:red}</style><table><tr><td>Invoice number</td><td>A-1</td></tr>"
        "<tr><td>Total</td><td>&euro;&nbsp;1.234,56</td></tr>"
        "<tr><td>Due</td><td>2026-05-01</td></tr></table>"
    )

    assert invoice("Hello", html=html) == [("A-1", "1234.56", "EUR", "2026-05-01")]
    # The plain text is often no more than this.
    assert invoice("Hello", "See the HTML part.", html) == [("A-1", "1234.56", "EUR", "2026-05-01")]


def test_an_invoice_in_two_currencies_is_two_rows(invoice):
    assert invoice("Invoice 5", "Total: EUR 100.00\nTotal: USD 108.40\n") == [
        ("5", "100.00", "EUR", ""),
        ("5", "108.40", "USD", ""),
    ]


def test_what_is_missing_is_an_empty_cell_and_told(invoice, runs):
    assert invoice("Invoice 6", "Thank you. Total: 3 parcels, on 03.02.2026") == [("6", "", "", "")]
    assert runs.printed == "no sum in 'Invoice 6'\nno due date in 'Invoice 6'\n"


def test_a_mail_without_an_invoice_has_no_output(invoice, runs):
    assert invoice("Lunch?", "The total is unknown. No. 7 is open until 01.02.2026.") == []
    assert runs.printed == "no invoice in 'Lunch?'\n"


def test_a_credit_note_is_negative_and_dates_may_start_with_the_month(invoice):
    body = "Invoice: 9\nTotal: -12.00 USD\nDue: 03/04/2026"

    assert invoice("Credit", body) == [("9", "-12.00", "USD", "2026-04-03")]
    assert invoice("Credit", body, month_first=True) == [("9", "-12.00", "USD", "2026-03-04")]


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("-$5.00", "-5.00"),
        ("$-5.00", "-5.00"),
        ("-- $5.00", "5.00"),
        ("... $1,23,456.70", "123456.70"),
    ],
)
def test_signs_and_groups_of_a_sum(invoice, written, amount):
    assert invoice("Invoice 1", f"Total {written}") == [("1", amount, "$", "")]


@pytest.mark.parametrize("piece", ["total ", "1", "1 111,", "invoice no ", "due 1.", "n. a", "-"])
def test_no_mail_keeps_it_busy_for_long(example, tmp_path, piece):
    ended = example("invoices", seconds=8.0, mail=mailed(tmp_path, "Invoice 1", piece * 20_000))

    assert ended.status == "completed", ended.error


def test_a_date_that_does_not_exist_is_none(invoice):
    assert invoice("Invoice 1", "Total 5.00 EUR, due 31.02.2026") == [("1", "5.00", "EUR", "")]


def test_a_subject_never_becomes_a_formula(example, tmp_path):
    ended = example("invoices", mail=mailed(tmp_path, "=1+1 Invoice 4", "Total 5.00 EUR"))

    assert text(ended).endswith(",'=1+1 Invoice 4\n")
