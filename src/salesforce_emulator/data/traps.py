"""The values of the hostile org, each with what an importer must make of it.

One value a record, everything else about the record is in order: so a lost record, a lost neighbour or a wrong
count can be traced to one cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from salesforce_emulator import ids
from salesforce_emulator.data.loading import Value


class Verdict(Enum):
    """What must happen to a value. Whatever it is, the record and its neighbours arrive."""

    INTACT = "arrives unchanged, character for character, however odd it looks"
    UNREADABLE = "is not of its field's type: the field stays empty, and the reason is counted"
    NO_KEY = "may be kept as text, but never becomes a matching key; e-mails are counted as invalid"
    NOWHERE = "refers to nothing usable: the record arrives without the link"
    LESSENED = "holds a character that stores refuse: that one may be left out, the rest arrives"
    EITHER = "may be kept or refused with a counted reason; nothing else may suffer from it"


@dataclass(frozen=True)
class Case:
    """A value for a field. The texts ``{self}`` and ``{other}`` stand for ids: the record's, its neighbour's."""

    sobject: str
    field: str
    value: Value
    verdict: Verdict
    why: str


LONG = 131_072
"""Characters in the longest text that a Salesforce field can hold."""
NOBODY = ids.make("005", 900_001)
NO_ACCOUNT = ids.make("001", 900_001)
NO_CONTACT = ids.make("003", 900_001)

_TEXTS: tuple[tuple[str, str], ...] = (
    ("NA", "read as null by tools that guess"),
    ("N/A", "read as null by tools that guess"),
    ("null", "read as null by tools that guess"),
    ("NULL", "read as null by tools that guess"),
    ("None", "read as null by tools that guess"),
    ("nan", "read as a number by tools that guess"),
    ("#N/A", "means null on the way into Salesforce, not on the way out"),
    ("\\N", "null in a COPY text format"),
    ("\\.", "the end of a COPY text format"),
    ("true", "a text that looks like a boolean"),
    ("0", "a text that looks like nothing"),
    ("00123", "a text that looks like a number"),
    ("1e5", "a text that looks like a number"),
    ("2024-01-01", "a text that looks like a date"),
    ('"', "one quote"),
    ('""', "two quotes"),
    ('","', "quote, comma, quote"),
    ('a "quoted" b', "quotes inside"),
    ('ends with a quote"', "a quote at the end"),
    ("'", "an apostrophe"),
    ("Robert'); DROP TABLE accounts;--", "SQL"),
    ("%s %(name)s {0} {name} ${x} {{ 7*7 }}", "placeholders of every kind"),
    ("<script>alert(1)</script>", "markup"),
    ("=HYPERLINK(\"x\")", "a formula in a spreadsheet"),
    ("\\", "a backslash"),
    ("ends with a backslash\\", "a backslash that could swallow a quote"),
    ("back\\nslash-n", "a backslash and an n are not a line feed"),
    ("\ufeffbyte order mark", "begins with U+FEFF"),
    ("abc\u202edef\u202c", "written from right to left by an override"),
    ("مرحبا שלום world", "two directions in one text"),
    ("e\u0301 and \u00e9", "two ways to write one letter, which must not be made one"),
    ("Z̶̢͎̈́a̷̳͛l̴̠̎g̵̣͂o̶̤̿", "many marks on few letters"),
    ("👩‍👩‍👧‍👦🏳️‍🌈", "emoji of several characters"),
    ("𠮷野家", "a character outside the basic plane"),
    ("\ufffd\ufffe\U0010ffff", "the replacement character and two that are no characters"),
    ("ﬁ ½ Ⅳ ｆｕｌｌ", "characters that compatibility forms would replace"),
    ("İıſß", "letters whose case has no way back"),
    ("\u00a0no-break spaces\u00a0", "white space that trimming may miss or take"),
    ("zero\u200bwidth\u200d", "characters without width"),
    ("a\tb", "a tab"),
)  # fmt: skip
_LINES: tuple[tuple[str, str], ...] = (
    ("one\ntwo", "line feed"),
    ("one\r\ntwo", "carriage return and line feed"),
    ("one\rtwo", "a carriage return on its own"),
    ("one\n\rtwo", "the wrong way round"),
    ("one\n\\.\ntwo", "the end of a COPY text format, on a line by itself"),
    ('one\n"\ntwo', "a quote on a line by itself"),
    ('"Id","Name"\n"001","x"', "looks like a CSV file with its header"),
    ("one\u2028two\u2029three\u0085four\x0bfive\x0csix", "everything else that splits lines in some languages"),
    ("".join(chr(n) for n in range(1, 32)) + "\x7f", "every control character but NUL"),
    ("\x1a after control-Z", "the end of a file, long ago"),
    ("x" * LONG, "as long as a field can be"),
    ('"' * LONG, "as long as a field can be, twice as long in CSV"),
    ("é漢🚀" * (LONG // 3), "as long as a field can be, in characters of two to four bytes"),
)
# Texts that are there and hold nothing: whether they count as empty is the importer's business.
_BLANK: tuple[tuple[str, str], ...] = (
    ("\n", "nothing but a line feed"),
    ("\r", "nothing but a carriage return"),
    ("   ", "nothing but spaces"),
    ("\u00a0\u2003", "nothing but spaces of other kinds"),
    ("\n" * LONG, "as long as a field can be, all lines empty"),
)
_BROKEN: tuple[tuple[str, str], ...] = (("nul\x00inside", "NUL"), ("\x00", "nothing but NUL"))
_NUMBERS: tuple[tuple[str, str, Value, Verdict, str], ...] = (
    ("Account", "AnnualRevenue", "abc", Verdict.UNREADABLE, "letters"),
    ("Account", "AnnualRevenue", "1,234.50", Verdict.UNREADABLE, "a thousands separator"),
    ("Account", "AnnualRevenue", "12 USD", Verdict.UNREADABLE, "a unit"),
    ("Account", "AnnualRevenue", "NaN", Verdict.UNREADABLE, "not a number, though databases take it for one"),
    ("Account", "AnnualRevenue", "Infinity", Verdict.UNREADABLE, "databases take it for a number"),
    ("Account", "AnnualRevenue", "-inf", Verdict.UNREADABLE, "databases take it for a number"),
    ("Account", "AnnualRevenue", "--5", Verdict.UNREADABLE, "two signs"),
    ("Account", "AnnualRevenue", 0.0, Verdict.INTACT, "zero is a value"),
    ("Account", "AnnualRevenue", -1.5, Verdict.INTACT, "negative"),
    ("Account", "AnnualRevenue", 1e308, Verdict.EITHER, "near the end of a double"),
    ("Account", "AnnualRevenue", -1e308, Verdict.EITHER, "near the other end"),
    ("Account", "AnnualRevenue", 5e-324, Verdict.EITHER, "the smallest there is"),
    ("Account", "AnnualRevenue", 12345678901234567890.0, Verdict.EITHER, "twenty digits"),
    ("Account", "NumberOfEmployees", 0, Verdict.INTACT, "zero is a value"),
    ("Account", "NumberOfEmployees", -1, Verdict.INTACT, "negative"),
    ("Account", "NumberOfEmployees", 2**31, Verdict.EITHER, "one more than 32 bits hold"),
    ("Account", "NumberOfEmployees", 2**63 - 1, Verdict.EITHER, "all that 64 bits hold"),
    ("Account", "NumberOfEmployees", 12.7, Verdict.EITHER, "a fraction in a whole number"),
    ("Account", "NumberOfEmployees", "ten", Verdict.UNREADABLE, "letters"),
    ("Account", "NumberOfEmployees", "0x1F", Verdict.UNREADABLE, "hexadecimal"),
    ("Account", "NumberOfEmployees", "1_000", Verdict.UNREADABLE, "digits grouped as in source code"),
    ("Account", "NumberOfEmployees", "٤٢", Verdict.UNREADABLE, "digits of another script"),
    ("Account", "NumberOfEmployees", "10-50", Verdict.UNREADABLE, "a range"),
    ("Opportunity", "Amount", "n/a", Verdict.UNREADABLE, "no number"),
    ("Opportunity", "Amount", "€ 5", Verdict.UNREADABLE, "a currency sign"),
    ("Opportunity", "Amount", 0.0, Verdict.INTACT, "zero is a value"),
    ("Opportunity", "Amount", 1e308, Verdict.EITHER, "near the end of a double"),
    ("Opportunity", "Probability", "half", Verdict.UNREADABLE, "letters"),
    ("Opportunity", "Probability", 250.0, Verdict.INTACT, "more than everything"),
    ("Lead", "IsConverted", "maybe", Verdict.UNREADABLE, "neither true nor false"),
    ("Opportunity", "IsWon", "perhaps", Verdict.UNREADABLE, "neither true nor false"),
)
_DATES: tuple[tuple[str, Verdict, str], ...] = (
    ("0001-01-01", Verdict.INTACT, "the first day there is"),
    ("1700-01-01", Verdict.INTACT, "the oldest that Salesforce takes"),
    ("9999-12-31", Verdict.INTACT, "the last day there is"),
    ("2024-02-29", Verdict.INTACT, "a leap day"),
    ("2023-02-29", Verdict.UNREADABLE, "a leap day in no leap year"),
    ("2024-02-30", Verdict.UNREADABLE, "a day that no February has"),
    ("2024-13-01", Verdict.UNREADABLE, "a thirteenth month"),
    ("0000-00-00", Verdict.UNREADABLE, "zeros"),
    ("0000-01-01", Verdict.UNREADABLE, "a year that there was not"),
    ("31/12/2024", Verdict.UNREADABLE, "written the European way"),
    ("tomorrow", Verdict.UNREADABLE, "a word that databases take for a date"),
    ("infinity", Verdict.UNREADABLE, "a word that databases take for a date"),
    ("epoch", Verdict.UNREADABLE, "a word that databases take for a date"),
    ("+12024-01-01", Verdict.UNREADABLE, "five digits for the year"),
    ("20240105", Verdict.EITHER, "without hyphens"),
    ("2024-01-05T23:30:00.000Z", Verdict.EITHER, "a time of day where only a date belongs"),
)
_TIMES: tuple[tuple[str, Verdict, str], ...] = (
    ("0001-01-01T00:00:00.000Z", Verdict.EITHER, "the first moment there is"),
    ("9999-12-31T23:59:59.000Z", Verdict.EITHER, "the last moment there is"),
    ("2016-12-31T23:59:60.000Z", Verdict.EITHER, "a leap second"),
    ("2024-06-01T24:00:00.000Z", Verdict.EITHER, "midnight written as twenty-four"),
    ("2024-06-01T25:00:00.000Z", Verdict.UNREADABLE, "an hour that no day has"),
    ("soon", Verdict.UNREADABLE, "a word"),
    ("2024-06-01", Verdict.EITHER, "a date where a time belongs"),
)
_EMAILS: tuple[tuple[str, Verdict, str], ...] = (
    ("not an address", Verdict.NO_KEY, "words"),
    ("@firm-0h1aa.com", Verdict.NO_KEY, "nobody at a firm"),
    ("anna@", Verdict.NO_KEY, "somebody nowhere"),
    ("a@b@firm-0h1ab.com", Verdict.NO_KEY, "two signs"),
    ("a@firm-0h1ac.com, b@firm-0h1ac.com", Verdict.NO_KEY, "two addresses"),
    ("a@firm-0h1ad.com; b@firm-0h1ad.com", Verdict.NO_KEY, "two addresses"),
    ("mailto:a@firm-0h1ae.com", Verdict.NO_KEY, "a link"),
    ("Anna Berg <a@firm-0h1af.com>", Verdict.NO_KEY, "a name before it"),
    ("anna berg@firm-0h1ag.com", Verdict.NO_KEY, "a space"),
    ("anna@localhost", Verdict.NO_KEY, "a single label"),
    ("anna@-firm-.com", Verdict.NO_KEY, "hyphens where none may be"),
    ("anna@firm..com", Verdict.NO_KEY, "an empty label"),
    (".anna@firm-0h1ah.com", Verdict.NO_KEY, "a dot at the beginning"),
    ("an..na@firm-0h1ai.com", Verdict.NO_KEY, "two dots"),
    ("NA", Verdict.NO_KEY, "a placeholder"),
    ("null", Verdict.NO_KEY, "a placeholder"),
    ("#N/A", Verdict.NO_KEY, "a placeholder"),
    ("none@none", Verdict.NO_KEY, "a placeholder that looks like an address"),
    ("anna@firm-0h1aj.com\x00", Verdict.NO_KEY, "NUL at the end"),
    ("anna\r\nBcc: all@firm-0h1ak.com", Verdict.NO_KEY, "a header of a mail"),
    ("a" * 285 + "@firm-0h1al.com", Verdict.NO_KEY, "300 characters"),
    ("a" * 65 + "@firm-0h1am.com", Verdict.NO_KEY, "more before the sign than an address may have"),
    ("anna@" + "b" * 64 + ".com", Verdict.NO_KEY, "a label of 64 characters"),
    ("\u202eanna@firm-0h1an.com", Verdict.NO_KEY, "begins with a direction override"),
    ('"anna berg"@firm-0h1ao.com', Verdict.EITHER, "quoted, and allowed by the standard"),
    ("anna@[192.0.2.1]", Verdict.EITHER, "an IP address"),
    ("アンナ@firm-0h1ap.com", Verdict.EITHER, "an internationalised address"),
    ("anna@xn--firm-0h1aq-.com", Verdict.EITHER, "a label that says it is encoded and is not"),
    ("ANNA@FIRM-0H1AR.COM", Verdict.EITHER, "in upper case, which Salesforce would not have kept"),
)
_WEBSITES: tuple[tuple[str, Verdict, str], ...] = (
    ("." * 255, Verdict.NO_KEY, "nothing but dots"),
    ("a" * 255, Verdict.NO_KEY, "one label as long as the field"),
    ("http://", Verdict.NO_KEY, "a scheme"),
    ("https://www.", Verdict.NO_KEY, "a scheme and www"),
    ("http:///path", Verdict.NO_KEY, "a path without a host"),
    ("?", Verdict.NO_KEY, "a question"),
    ("javascript:alert(1)", Verdict.NO_KEY, "a script"),
    ("mailto:anna@firm-0h2aa.com", Verdict.NO_KEY, "an address"),
    ("co.uk", Verdict.NO_KEY, "a public suffix"),
    ("www.com", Verdict.EITHER, "a domain that is called www"),
    ("http://[::1", Verdict.NO_KEY, "half an IPv6 address"),
    ("http://[::1]/", Verdict.NO_KEY, "an IPv6 address"),
    ("http://999.999.999.999/", Verdict.NO_KEY, "looks like an IP address"),
    ("0x7f000001", Verdict.NO_KEY, "an IP address in disguise"),
    ("http://fi rm-0h2ab.com", Verdict.NO_KEY, "a space in the host"),
    ("http://firm..com", Verdict.NO_KEY, "an empty label"),
    ("http://" + "b" * 64 + ".com", Verdict.NO_KEY, "a label of 64 characters"),
    ("\u00a0\u200b", Verdict.NO_KEY, "white space"),
    ("http://firm-0h2ac.com:99999/", Verdict.EITHER, "a port that there is not"),
    ("http://firm-0h2ad.com:port/", Verdict.EITHER, "a port in letters"),
    ("//firm-0h2ae.com", Verdict.EITHER, "without a scheme, with slashes"),
    ("http:\\\\firm-0h2af.com", Verdict.EITHER, "the wrong slashes"),
    ("http//www.firm-0h2ag.com", Verdict.EITHER, "a colon is missing"),
    ("http://http://firm-0h2ah.com", Verdict.EITHER, "twice"),
    ("ftp://firm-0h2ai.com", Verdict.EITHER, "another scheme"),
    ("www.firm-0h2aj.com www.firm-0h2ak.com", Verdict.EITHER, "two of them"),
    ("firm-0h2al,com", Verdict.NO_KEY, "a comma for the dot"),
    ("www.firm-0h2am.invalid-suffix-", Verdict.EITHER, "a suffix that there is not"),
    ("www.xn--firm-0h2an-.com", Verdict.EITHER, "says it is encoded and is not"),
    ("http://①②③-0h2ao.com", Verdict.EITHER, "digits that browsers read as others"),
    ("\u202emoc.pa2h0-mrif.www", Verdict.EITHER, "written backwards"),
    ("www.firm-0h2aq.com\x00", Verdict.EITHER, "NUL at the end"),
    ("www.firm-0h2ar.com\r\nwww.firm-0h2as.com", Verdict.EITHER, "two lines in a field of one"),
)
_REFERENCES: tuple[tuple[str, str, str, Verdict, str], ...] = (
    ("Contact", "AccountId", NO_ACCOUNT, Verdict.NOWHERE, "an account that is not there"),
    ("Contact", "AccountId", "{other}", Verdict.NOWHERE, "a contact where an account belongs"),
    ("Contact", "AccountId", "not an id", Verdict.NOWHERE, "no id"),
    ("Opportunity", "AccountId", NO_ACCOUNT, Verdict.NOWHERE, "an account that is not there"),
    ("Opportunity", "OwnerId", NOBODY, Verdict.NOWHERE, "an owner who is not there"),
    ("Account", "OwnerId", NOBODY, Verdict.NOWHERE, "an owner who is not there"),
    ("Account", "ParentId", "{self}", Verdict.EITHER, "its own parent"),
    ("Account", "ParentId", "{other}", Verdict.EITHER, "the other one's parent is this one: a circle"),
    ("Lead", "ConvertedContactId", NO_CONTACT, Verdict.NOWHERE, "converted into nobody"),
)
_PICKLISTS: tuple[tuple[str, str, str, str], ...] = (
    ("Account", "Industry", "No Such Industry", "a value that the describe does not list"),
    ("Account", "Industry", "x" * 255, "a value as long as the field"),
    ("Opportunity", "StageName", "No Such Stage", "a value that the describe does not list"),
    ("Lead", "Status", 'Closed, "Won"', "a value that CSV must quote"),
)


def cases() -> Iterator[Case]:
    """Every case, always in the same order."""
    for field, sobject in (("Name", "Account"), ("LastName", "Contact"), ("Company", "Lead")):
        for text, why in _TEXTS:
            yield Case(sobject, field, text, Verdict.INTACT, why)
    for sobject in ("Account", "Contact", "Lead", "Opportunity"):
        for text, why in (*_TEXTS, *_LINES):
            yield Case(sobject, "Description", text, Verdict.INTACT, why)
        for text, why in _BROKEN:
            yield Case(sobject, "Description", text, Verdict.LESSENED, why)
        for text, why in _BLANK:
            yield Case(sobject, "Description", text, Verdict.EITHER, why)
    for sobject, number_field, number, verdict, why in _NUMBERS:
        yield Case(sobject, number_field, number, verdict, why)
    for sobject, date_field in (("Opportunity", "CloseDate"), ("Account", "SLAExpirationDate__c")):
        for text, verdict, why in _DATES:
            yield Case(sobject, date_field, text, verdict, why)
    for sobject in ("Account", "Contact"):
        for text, verdict, why in _TIMES:
            yield Case(sobject, "CreatedDate", text, verdict, why)
    for sobject in ("Contact", "Lead"):
        for text, verdict, why in _EMAILS:
            yield Case(sobject, "Email", text, verdict, why)
    for text, verdict, why in _WEBSITES:
        yield Case("Account", "Website", text, verdict, why)
    for sobject, reference_field, text, verdict, why in _REFERENCES:
        yield Case(sobject, reference_field, text, verdict, why)
    for sobject, picklist_field, text, why in _PICKLISTS:
        yield Case(sobject, picklist_field, text, Verdict.INTACT, why)
