"""Websites as people type them, and the mail domains that go with them.

Every account has a domain of its own, even where nobody filled in the website: its contacts write from there.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from salesforce_emulator.data.generate.chance import Chance

FREE_MAIL = (
    "gmail.com", "gmail.com", "gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "gmx.de",
    "web.de", "orange.fr", "libero.it", "mail.ru", "qq.com", "163.com", "yahoo.co.jp", "proton.me",
)  # fmt: skip
"""16 domains that say nothing about the company."""


class Shape(Enum):
    """What the Website field holds; the shapes below KEYED name a domain that is the company's own."""

    EMPTY = "empty"
    SHARED = "shared"
    PLACEHOLDER = "placeholder"
    ADDRESS = "ip address"
    LABEL = "single label"
    KEYED = "keyed"
    HTTP_WWW = "http://www."
    HTTPS_WWW = "https://www."
    WWW = "www."
    BARE = "bare"
    HTTPS = "https://"
    SLASH = "slash"
    PATH = "path"
    QUERY = "query"
    UPPER = "upper case"
    PORT = "port"
    SUBDOMAIN = "subdomain"
    USER = "user info"
    DOT = "trailing dot"
    IDN = "internationalised"


SHAPES = {
    Shape.EMPTY: 256,
    Shape.SHARED: 14,
    Shape.PLACEHOLDER: 10,
    Shape.ADDRESS: 4,
    Shape.LABEL: 4,
    Shape.HTTP_WWW: 170,
    Shape.HTTPS_WWW: 210,
    Shape.WWW: 130,
    Shape.BARE: 92,
    Shape.HTTPS: 44,
    Shape.SLASH: 24,
    Shape.PATH: 20,
    Shape.QUERY: 8,
    Shape.UPPER: 10,
    Shape.PORT: 6,
    Shape.SUBDOMAIN: 10,
    Shape.USER: 2,
    Shape.DOT: 3,
    Shape.IDN: 7,
}
"""How many of 1024 accounts have which shape: a quarter none, three in a hundred one that is no key."""
UNKEYED = frozenset({Shape.EMPTY, Shape.SHARED, Shape.PLACEHOLDER, Shape.ADDRESS, Shape.LABEL})

_SHARED = (
    "https://www.linkedin.com/company/{}",
    "linkedin.com/company/{}",
    "http://www.linkedin.com/company/{}/about/",
    "https://www.facebook.com/{}",
    "facebook.com/{}",
    "https://sites.google.com/view/{}",
)
_PLACEHOLDERS = ("n/a", "N/A", "none", "None", "-", "test.com", "http://n/a", "www.test.com")
_ADDRESSES = ("http://192.0.2.17", "198.51.100.4", "http://203.0.113.9:8080/", "http://[2001:db8::17]/")
_LABELS = ("intranet", "localhost", "http://webserver1/", "www", "http://crm")
_PATHS = ("/en/about-us", "/de/", "/index.html", "/products/list.aspx", "/~shop", "/contact#map", "/a%20b")
_QUERIES = ("?utm_source=crm&utm_medium=link", "/?lang=en", "/home?id=17&x=a=b", "?q=%C3%A9t%C3%A9")
_SUBDOMAINS = ("shop", "de", "careers", "info.eu", "portal", "web1.uk")
_PORTS = (":8080", ":443/", ":80", ":8443/login")
_IDN_LABELS = (
    "bäckerei", "fräswerk", "señal", "façade", "smörgås", "łódź", "пример", "ελλάς", "日本語", "中文网", "한글",
    "ตัวอย่าง", "उदाहरण", "přístav", "ığdır",
)  # fmt: skip

_Typed = Callable[[str, Chance], str]
_KEYED: dict[Shape, _Typed] = {
    Shape.HTTP_WWW: lambda domain, _: f"http://www.{domain}",
    Shape.HTTPS_WWW: lambda domain, _: f"https://www.{domain}",
    Shape.WWW: lambda domain, _: f"www.{domain}",
    Shape.BARE: lambda domain, _: domain,
    Shape.HTTPS: lambda domain, _: f"https://{domain}",
    Shape.SLASH: lambda domain, _: f"http://{domain}/",
    Shape.PATH: lambda domain, chance: f"https://www.{domain}{chance.one_of(_PATHS)}",
    Shape.QUERY: lambda domain, chance: f"https://{domain}{chance.one_of(_QUERIES)}",
    Shape.UPPER: lambda domain, chance: (f"WWW.{domain}", f"Http://{domain}")[chance.bits(1)].upper(),
    Shape.PORT: lambda domain, chance: f"http://{domain}{chance.one_of(_PORTS)}",
    Shape.SUBDOMAIN: lambda domain, chance: f"https://{chance.one_of(_SUBDOMAINS)}.{domain}",
    Shape.USER: lambda domain, _: f"http://sales:welcome@www.{domain}/",
    Shape.DOT: lambda domain, _: f"www.{domain}.",
    Shape.IDN: lambda domain, chance: f"www.{domain}" if chance.bits(1) else _unicode(domain),
}


def domain_for(shape: Shape, brand: str, code: str, suffix: str, chance: Chance) -> str:
    """The account's own domain, in its ASCII form: unique, because the code is."""
    if shape is Shape.IDN:
        label = f"{chance.one_of(_IDN_LABELS)}-{code}".encode("idna").decode("ascii")
        return f"{label}.{suffix}"
    return f"{brand}-{code}.{suffix}"


def typed(shape: Shape, domain: str, brand: str, chance: Chance) -> str | None:
    """What stands in the field for an account of this domain."""
    if make := _KEYED.get(shape):
        return make(domain, chance)
    if shape is Shape.EMPTY:
        return None
    if shape is Shape.SHARED:
        return chance.one_of(_SHARED).format(brand)
    choices = {Shape.PLACEHOLDER: _PLACEHOLDERS, Shape.ADDRESS: _ADDRESSES, Shape.LABEL: _LABELS}
    return chance.one_of(choices[shape])


def _unicode(domain: str) -> str:
    """The domain as a browser shows it."""
    return domain.encode("ascii").decode("idna")
