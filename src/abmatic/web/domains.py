"""Domains as people read them: ``xn--mnchen-3ya.de`` is münchen.de, unless that could be mistaken for another.

A domain is stored by its A-labels, which is what exports and the page's tooltip give. A label is decoded only when all
of it belongs to one script (or to one way of writing, as Japanese mixes three), to letters in everyday use, and, under
an ASCII ending, not to lookalikes alone: аррӏе.com is Cyrillic from end to end and reads like another. Browsers follow
rules of this kind; theirs go further, and every doubt is settled here by showing the A-label.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import idna
from django.utils.html import format_html
from django.utils.safestring import SafeString

_PREFIX = "xn--"
# The first word of a letter's Unicode name is its script. Together these are one way of writing; alone each is too.
_JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA"})
_KOREAN = frozenset({"CJK", "HANGUL"})
# Scripts in everyday use (Unicode's UAX 31, "recommended"), without those whose letters are mostly Latin lookalikes.
_SCRIPTS = frozenset({
    "ARABIC", "ARMENIAN", "BENGALI", "CJK", "CYRILLIC", "DEVANAGARI", "ETHIOPIC", "GEORGIAN", "GREEK", "GUJARATI",
    "GURMUKHI", "HANGUL", "HEBREW", "HIRAGANA", "KANNADA", "KATAKANA", "KHMER", "LAO", "LATIN", "MALAYALAM", "MYANMAR",
    "ORIYA", "SINHALA", "TAMIL", "TELUGU", "THAI", "TIBETAN",
})  # fmt: skip
# Belong to every script: digits, the hyphen, the middle dot and the mark that lengthens a Japanese vowel.
_COMMON = frozenset("0123456789-·ー々")
_NOT_LATIN_ENOUGH = frozenset("ıĸŀŉ")  # read as i, k, l and n
_LOOKALIKES = {
    "CYRILLIC": frozenset("абвгеикмнопрстухьѕіјһӏԁԛԝѡѵҽѐёї"),
    "GREEK": frozenset("αβγεηικνορστυχωϲϳάέήίόύώϊϋ"),
    "ARMENIAN": frozenset("ցսոօզհղաեւփքյլԁ"),
    "GEORGIAN": frozenset("იოხდყ"),
    "ETHIOPIC": frozenset("ዐሀበጠህፐተ"),
}


@lru_cache(maxsize=4096)
def decoded(domain: str) -> str:
    """The domain with each label decoded that can be read safely; others stay as they are."""
    if _PREFIX not in domain:
        return domain
    labels = domain.split(".")
    return ".".join(_label(label, under_ascii=not labels[-1].startswith(_PREFIX)) for label in labels)


def encoded(text: str) -> str:
    """What somebody typed as it is stored: münchen.de as xn--mnchen-3ya.de. The text itself where it is no domain."""
    if text.isascii():
        return text
    try:
        return idna.encode(text, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return text


def element(domain: str) -> SafeString | str:
    """The domain for a page, with its A-labels on hover where it was decoded."""
    readable = decoded(domain)
    if readable == domain:
        return domain
    # Left to right: an Arabic label between two dots would change places with its ending.
    return format_html('<span dir="ltr" title="{}">{}</span>', domain, readable)


def _label(label: str, *, under_ascii: bool) -> str:
    if not label.startswith(_PREFIX):
        return label
    try:
        readable = idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        return label
    return readable if _is_safe(readable, under_ascii=under_ascii) else label


def _is_safe(label: str, *, under_ascii: bool) -> bool:
    letters = [letter for letter in label if letter not in _COMMON]
    # What belongs to no script by its name isn't safe: loose accents, joiners that nobody sees.
    scripts = {unicodedata.name(letter, "UNKNOWN").split()[0] for letter in letters}
    if not scripts or not scripts <= _SCRIPTS:
        return False
    if len(scripts) > 1:
        return scripts <= _JAPANESE or scripts <= _KOREAN
    (script,) = scripts
    if script == "LATIN":
        return all(_is_everyday_latin(letter) for letter in letters)
    return not (under_ascii and set(letters) <= _LOOKALIKES.get(script, frozenset()))


def _is_everyday_latin(letter: str) -> bool:
    """ASCII, Latin-1, Latin Extended-A, Romanian and Vietnamese."""
    if letter in _NOT_LATIN_ENOUGH:
        return False
    return letter < "\u0180" or letter in "ơưșț" or "\u1ea0" <= letter <= "\u1ef9"
