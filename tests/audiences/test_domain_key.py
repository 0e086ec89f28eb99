"""Which domain stands for an account? SYNC.md section 3, "Domain", by sentence, and against other libraries."""

from __future__ import annotations

import re
from functools import cache

import idna
import pytest
import tldextract
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.audiences.ask import domains, each

from abmatic.audiences import suffixes

pytestmark = pytest.mark.django_db

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def keys(*websites: str | None, collapse: bool = True) -> list[str | None]:
    return [domain or f"! {problem}" for domain, problem in domains(websites, collapse=collapse)]


# What people type, and whose website it is. "! …" is the reason for having no key.
TYPED = {
    "the plain name": ("acme.com", "acme.com"),
    "lower case": ("ACME.Com", "acme.com"),
    "www is dropped": ("www.acme.com", "acme.com"),
    "upper-case www is dropped": ("WWW.ACME.COM", "acme.com"),
    "twice": ("www.www.acme.com", "acme.com"),
    "many times": ("www.www.www.acme.com", "acme.com"),
    "a firm called www": ("www.com", "www.com"),
    "subdomains collapse": ("shop.eu.acme.com", "acme.com"),
    "below a suffix of two labels": ("www.shop.acme.co.uk", "acme.co.uk"),
    "below a suffix of three labels": ("a.b.acme.k12.ca.us", "acme.k12.ca.us"),
    "a private suffix: two firms": ("acme.github.io", "acme.github.io"),
    "below a private suffix": ("a.b.acme.github.io", "acme.github.io"),
    "http": ("http://acme.com", "acme.com"),
    "https, upper case": ("HTTPS://ACME.COM", "acme.com"),
    "another scheme": ("ftp://acme.com/pub", "acme.com"),
    "no scheme, but its slashes": ("//acme.com/x", "acme.com"),
    "one slash": ("http:/acme.com", "acme.com"),
    "port": ("acme.com:8080", "acme.com"),
    "port, scheme and path": ("http://acme.com:443/a/b", "acme.com"),
    "path": ("acme.com/index.html", "acme.com"),
    "query": ("acme.com?utm_source=x", "acme.com"),
    "fragment": ("acme.com#about", "acme.com"),
    "an at sign in the path": ("acme.com/@someone", "acme.com"),
    "a colon in the path": ("acme.com/a:b", "acme.com"),
    "user info": ("https://user:secret@acme.com/", "acme.com"),
    "user info with an at sign": ("https://user:se@cret@acme.com/", "acme.com"),
    "an address instead of a website": ("info@acme.com", "acme.com"),
    "mailto": ("mailto:info@acme.com", "acme.com"),
    "a trailing dot": ("acme.com.", "acme.com"),
    "trailing dots": ("acme.com../x", "acme.com"),
    "blanks around": (" \t\r\nacme.com\u00a0 ", "acme.com"),
    "backslashes": ("http:\\\\acme.com\\x", "acme.com"),
    "an underscore in a subdomain": ("my_shop.acme.com", "acme.com"),
    "digits": ("https://3m.com", "3m.com"),
    "digits only, but no address": ("163.org", "163.org"),
    "IDNA": ("https://www.Bücher.de", "xn--bcher-kva.de"),
    "IDNA, decomposed": ("bu\u0308cher.de", "xn--bcher-kva.de"),
    "IDNA, given as A-label": ("XN--BCHER-KVA.de", "xn--bcher-kva.de"),
    "sharp s is its own letter": ("faß.de", "xn--fa-hia.de"),
    "capital sharp s": ("FAẞ.de", "xn--fa-hia.de"),
    "a suffix beyond ASCII": ("www.食狮.公司.cn", "xn--85x722f.xn--55qx5d.cn"),
    "capital sigma": ("ΠΑΠΑΣ.gr", "xn--mxaa7bbq.gr"),
    "dotted capital I": ("İstanbul.com", "xn--istanbul-o0e.com"),
    "capital I where Turkish is spoken": ("INFO.com.tr", "info.com.tr"),
    "the dots of East Asia": ("a。acme．com", "acme.com"),
    "full-width letters": ("ｗｗｗ．ａｃｍｅ．ｃｏｍ", "acme.com"),
    "a zero-width space from copying": ("\u200bacme.com\u200b", "acme.com"),
    "a byte order mark from copying": ("\ufeffhttps://acme.com", "! website_single_label"),
    "a soft hyphen": ("ac\u00adme.com", "acme.com"),
    "an ideographic space": ("acme.com\u3000", "acme.com"),
    "an emoji": ("☕.com", "xn--53h.com"),
    "a wildcard rule": ("a.b.foo.ck", "b.foo.ck"),
    "an exception to it": ("a.www.ck", "www.ck"),
    "a wildcard below two labels": ("x.acme.foo.kawasaki.jp", "acme.foo.kawasaki.jp"),
    "an exception below two labels": ("a.b.city.kawasaki.jp", "city.kawasaki.jp"),
    "beside the wildcard": ("kawasaki.jp", "kawasaki.jp"),
    "an ending that no list knows": ("shop.acme.corporate", "acme.corporate"),
    # No keys.
    "nothing": (None, "! no_website"),
    "empty": ("", "! no_website"),
    "blank": (" \t\r\n ", "! no_website"),
    "blank to the eye": ("\u3000\u200b", "! no_website"),
    "free mail": ("gmail.com", "! website_free_mail"),
    "a page of free mail": ("https://mail.yahoo.co.jp/x", "! website_free_mail"),
    "a page of a shared site": ("https://www.linkedin.com/company/acme", "! website_shared"),
    "a country's part of a shared site": ("uk.linkedin.com/company/acme", "! website_shared"),
    "Facebook": ("http://m.facebook.com/acme", "! website_shared"),
    "a page of a shared host": ("https://sites.google.com/view/acme", "! website_shared"),
    "the firm that owns it": ("https://www.google.com", "google.com"),
    "IPv4": ("http://192.168.1.1:8080/x", "! website_ip"),
    "IPv6": ("http://[2001:db8::1]:8080/x", "! website_ip"),
    "bare IPv6": ("2001:db8::1", "! website_ip"),
    "no IPv4 after all": ("1.2.3.456", "! website_ip"),
    "a single label": ("acme", "! website_single_label"),
    "localhost": ("http://localhost:3000", "! website_single_label"),
    "www and nothing else": ("https://www.", "! website_single_label"),
    "www and no ending": ("www.acme", "! website_single_label"),
    "two schemes": ("http://http://acme.com", "! website_single_label"),
    "two schemes and www": ("http://www.http://acme.com", "! website_single_label"),
    "a public suffix": ("co.uk", "! website_public_suffix"),
    "www of a public suffix": ("www.co.uk", "! website_public_suffix"),
    "below www of a public suffix": ("a.www.gov.uk", "! website_public_suffix"),
    "a private suffix itself": ("github.io", "! website_public_suffix"),
    "a wildcard's own suffix": ("foo.kawasaki.jp", "! website_public_suffix"),
    "n/a": ("n/a", "! website_placeholder"),
    "N/A": (" N/A ", "! website_placeholder"),
    "none": ("None", "! website_placeholder"),
    "a dash": ("-", "! website_placeholder"),
    "dashes": ("---", "! website_placeholder"),
    "dots": ("...", "! website_placeholder"),
    "a scheme and nothing else": ("http://", "! website_placeholder"),
    "test.com": ("test.com", "! website_placeholder"),
    "a page of example.com": ("http://www.example.com/x", "! website_placeholder"),
    "n/a behind www": ("http://www.n/a", "! website_single_label"),
    "two websites": ("acme.com, acme.de", "! website_invalid"),
    "blanks inside": ("acme com.com", "! website_invalid"),
    "an empty label": ("acme..com", "! website_invalid"),
    "a leading dot": (".acme.com", "! website_invalid"),
    "percent signs": ("acme.com%20", "! website_invalid"),
    "a sentence": ("see our page at acme.com!", "! website_invalid"),
    "a hidden dot": ("acme⒈com", "! website_invalid"),
    "a hidden slash": ("acme℀x.com", "! website_invalid"),
    "longer than any host": (".".join(["a" * 60] * 5) + ".com", "! website_invalid"),
    "as long as a host may be": (".".join(["a" * 60] * 4) + ".wxyz.com", "wxyz.com"),
}


@pytest.mark.parametrize(("website", "expected"), TYPED.values(), ids=TYPED.keys())
def test_a_website_as_people_type_it(website: str | None, expected: str) -> None:
    assert keys(website) == [expected]


def test_every_host_of_the_list_of_hosts_that_stand_for_nobody_is_refused_with_and_without_www() -> None:
    listed = dict(suffixes._unkeyed_hosts())
    for host, problem in listed.items():
        www = f"www.{host}"
        assert domains([host, www, f"https://{host.upper()}:443/x"]) == [(None, problem)] * 3, host


def test_without_collapsing_subdomains_are_kept_apart_and_only_www_goes() -> None:
    typed = [
        "www.www.acme.com",
        "www.www.com",
        "www.shop.acme.co.uk",
        "acme.co.uk",
        "WWW.acme.co.uk:80/x",
        "a.b.acme.github.io",
        "shop.bücher.de",
    ]
    expected = [
        "acme.com",
        "www.com",
        "shop.acme.co.uk",
        "acme.co.uk",
        "acme.co.uk",
        "a.b.acme.github.io",
        "shop.xn--bcher-kva.de",
    ]
    assert keys(*typed, collapse=False) == expected


def test_without_collapsing_what_is_no_key_is_none_all_the_same() -> None:
    """A country's LinkedIn is shared by every firm of the country."""
    assert keys(
        "uk.linkedin.com/x", "mail.gmail.com", "x.test.com", "co.uk", "www.foo.ck", "1.2.3.4", "acme", "n/a", None,
        collapse=False,
    ) == [
        "! website_shared", "! website_free_mail", "! website_placeholder", "! website_public_suffix",
        "! website_public_suffix", "! website_ip", "! website_single_label", "! website_placeholder", "! no_website",
    ]  # fmt: skip


# --- against tldextract and idna


@cache
def extractor() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), include_psl_private_domains=True, cache_dir=None)


@cache
def rules() -> list[str]:
    return sorted(extractor().tlds)


@cache
def unkeyed() -> frozenset[str]:
    return frozenset(host for host, _ in suffixes._unkeyed_hosts())


def ascii_name(host: str) -> str | None:
    """The host in A-labels as the idna package has it, None where it refuses it."""
    try:
        return idna.encode(host, uts46=True, transitional=False).decode()
    except idna.IDNAError:
        return None


def expected(host: str) -> str | None:
    """The registrable domain by tldextract; 'no key' where ours says so by a rule that tldextract doesn't have."""
    name = ascii_name(host)
    if name is None:
        return "?"  # whether such a host has a key is ours to choose
    while re.match(r"www\..+\.", name):
        name = name.removeprefix("www.")
    found = extractor()(name)
    registrable = found.top_domain_under_public_suffix
    if not found.suffix:
        return "?"  # an ending that no list knows, or an IP address: see the table above
    if not registrable:
        return None
    # What hangs on "www" of a public suffix belongs to many: ours is stricter than the list.
    return None if {name, registrable} & unkeyed() or re.match(r"www\..+\.", registrable) else registrable


LABEL = st.one_of(
    st.text("abcxyz019", min_size=1, max_size=8),
    st.from_regex(r"[a-z]([a-z-]{0,3}[a-z])?", fullmatch=True),
    st.sampled_from(
        ["www", "city", "bücher", "MÜLLER", "münchen", "食狮", "пример", "faß", "ΣΊΣΥΦΟΣ", "ñandú", "a" * 60]
    ),
    st.text(st.characters(codec="utf-8", categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=5),
)


@st.composite
def hosts(draw: st.DrawFn) -> str:
    """Labels in front of a rule of the Public Suffix List, its wildcards and exceptions as they stand."""
    rule = draw(st.sampled_from(rules()) | st.sampled_from([r for r in rules() if r[0] in "*!"]))
    suffix = rule.removeprefix("!").replace("*", draw(LABEL))
    return ".".join([*draw(st.lists(LABEL, max_size=4)), suffix])


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str]:
    """A host, and a website that names it."""
    host = draw(hosts())
    typed = draw(st.sampled_from([host, host.upper() if host.isascii() else host, host + ".", f"www.{host}"]))
    before = draw(st.sampled_from(["", "http://", "HTTPS://", "//", "https://me@", "http://me:p@ss@", "ftp://", "  "]))
    after = draw(st.sampled_from(["", "/", ":80", ":8080/a?b#c", "?q=1", "#x", "/a@b", "/a:b", "\\x", " \t"]))
    return typed.strip(), before + typed + after


@QUICK
@given(st.lists(spelled(), min_size=1, max_size=40))
def test_the_registrable_domain_is_the_one_of_the_public_suffix_list(cases: list[tuple[str, str]]) -> None:
    answers = keys(*(website for _, website in cases))
    for (host, website), answer in zip(cases, answers, strict=True):
        wanted = expected(host.rstrip("."))
        if wanted != "?":
            assert answer is not None
            assert (None if answer.startswith("!") else answer) == wanted, (host, website, answer)


def test_every_rule_of_the_list_gives_what_tldextract_gives() -> None:
    """Each rule with up to three labels in front: nothing is sampled here."""
    cases = []
    for rule in rules():
        suffix = rule.removeprefix("!").replace("*", "anything")
        cases += [suffix, f"b.{suffix}", f"a.b.{suffix}", f"x.a.b.{suffix}"]
    answers = keys(*cases)
    different = [
        (host, answer, wanted)
        for host, answer in zip(cases, answers, strict=True)
        if (wanted := expected(host)) != "?" and (answer if answer and answer[0] != "!" else None) != wanted
    ]
    assert different == []


@QUICK
@given(st.lists(spelled(), min_size=1, max_size=40), st.booleans())
def test_the_key_of_a_key_is_the_key(cases: list[tuple[str, str]], collapse: bool) -> None:
    once = [domain for domain, _ in domains([website for _, website in cases], collapse=collapse) if domain]
    assert [domain for domain, _ in domains(once, collapse=collapse)] == once


@QUICK
@given(st.lists(st.text(max_size=60).map(lambda t: t.replace("\0", "")), min_size=1, max_size=30))
@example(
    ["[", "@", ":", "//", "http://[", "xn--", "xn--.com", ".", "。", "。.", "a@@b.com", "\ud7ff.com", "\U0010ffff.com"]
)
def test_any_text_has_a_key_or_a_reason_and_never_both(websites: list[str]) -> None:
    for website, (domain, problem) in zip(websites, domains(websites), strict=True):
        assert (domain is None) != (problem is None), website
        if domain is not None:
            assert re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", domain), (website, domain)


# --- A-labels

# Letters whose case folding (UTS 46, the idna package) is not their lower case (ours). No website has them: Cherokee,
# and Greek with an iota below.
_FOLDED_OTHERWISE = re.compile(
    "[\u0345\u13a0-\u13fd\uab70-\uabbf\u1f80-\u1faf\u1fb2-\u1fb4\u1fb7\u1fbc\u1fc2-\u1fc4\u1fc7\u1fcc"
    "\u1ff2-\u1ff4\u1ff7\u1ffc]"
)


@QUICK
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12), max_size=60
    )
)
@example(["bücher", "BÜCHER", "MÜNCHEN-ost", "faß", "ς", "食狮", "пример", "ﬁrma", "Ⅷ", "K", "٣٤", "가각", "é" * 20])
def test_a_labels_are_those_of_the_idna_package(labels: list[str]) -> None:
    kept = [label for label in labels if "." not in label and not _FOLDED_OTHERWISE.search(label)]
    for label, answer in zip(kept, each("idna_host", kept), strict=True):
        wanted = ascii_name(label)
        if wanted is not None and "." not in wanted:
            assert answer == wanted, label


@QUICK
@given(
    st.lists(
        st.text(
            st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5) | st.sampled_from("abc-09éñß"),
            min_size=1,
            max_size=40,
        ),
        max_size=40,
    )
)
def test_punycode_is_that_of_python(labels: list[str]) -> None:
    wanted = [label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in labels]
    assert each("idna_label", labels) == wanted


def test_suffixes_beyond_ascii_meet_the_hosts_that_end_in_them() -> None:
    """The list is loaded by the idna package, hosts are converted by SQL: both must say the same."""
    named = [rule.removeprefix("!").removeprefix("*.") for rule in rules() if not rule.isascii()]
    assert len(named) > 50
    assert each("idna_host", named) == [suffixes._ascii(name) for name in named]


# --- the tables


def test_loading_the_list_again_writes_nothing() -> None:
    assert suffixes.load() is False


def test_a_changed_list_is_brought_up_to_date() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM public_suffix WHERE suffix = 'co.uk'")
        cursor.execute("INSERT INTO unkeyed_host VALUES ('acme.com', 'website_shared')")
    assert keys("acme.com", "co.uk") == ["! website_shared", "co.uk"]
    assert suffixes.load() is True
    assert keys("acme.com", "co.uk") == ["acme.com", "! website_public_suffix"]
    assert suffixes.load() is False


def test_keys_are_computed_inside_the_query_that_asks_for_them() -> None:
    """A call per row would cost a million calls an import: the planner must have expanded the function."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE typed (website text, email text) ON COMMIT DROP")
        cursor.execute(
            "EXPLAIN (VERBOSE) SELECT d.domain, e.email_key FROM typed "
            "CROSS JOIN LATERAL domain_of(website, true) AS d "
            "CROSS JOIN LATERAL email_of(email) AS e"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan" in plan
    assert "Function Scan on public.domain_of" not in plan
    assert "Function Scan on public.email_of" not in plan
    assert "hashed SubPlan" in plan
