"""Which account a row names, and which opportunity it is: looked up set by set, and never guessed.

The accounts that a file names are in ``firms``, each once, with what was found for it: none, one, or several. What is
said here is said twice of every row: when the file is read, which is the preview, and when its chunk is written, by
what is here then. ``t`` is a row of ``typed`` or of ``chunk``, ``f`` its account in ``firms``.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from abmatic.audiences import elsewhere
from abmatic.audiences.csv_import import references
from abmatic.audiences.csv_import.cells import Session, quoted, value
from abmatic.audiences.csv_import.mapping import REQUIRED, Mapping
from abmatic.audiences.csv_import.models import FileImport
from abmatic.audiences.csv_import.references import AccountColumn, By

_Missing = FileImport.MissingAccount
_SAID = sql.SQL("t.firm_said")
_MADE_OF_NAME: LiteralString = "lower(btrim({}))"


def decide(session: Session, mapping: Mapping) -> None:
    """Finds the accounts and opportunities that the whole file names; rejects the rows that can't be told. Commits."""
    session.execute("ANALYZE typed")
    if mapping.account is not None:
        _make_firms(session, mapping.account)
        session.execute(
            sql.SQL(
                "UPDATE typed AS u SET is_firm_fault = true, reason = d.problem FROM ("
                "SELECT t.n, {problem} AS problem FROM typed AS t LEFT JOIN firms AS f ON f.key = t.firm "
                "WHERE t.reason IS NULL AND {rejects}) AS d WHERE d.n = u.n"
            ).format(problem=problem(mapping), rejects=rejects(mapping))
        )
        session.commit()
    if mapping.key is None:
        session.execute(
            sql.SQL(
                "UPDATE typed AS u SET key = d.key, reason = d.problem, is_firm_fault = d.is_firm_fault "
                "FROM ({deals}) AS d WHERE d.n = u.n"
            ).format(deals=deals(mapping, "typed"))
        )
        session.commit()


def _make_firms(session: Session, account: AccountColumn) -> None:
    session.execute("DROP TABLE IF EXISTS firms")
    session.execute('CREATE TEMP TABLE firms (key text COLLATE "C" PRIMARY KEY, said text, ids bigint[] NOT NULL)')
    session.execute(
        sql.SQL(
            "INSERT INTO firms (key, said, ids) SELECT k.firm, k.said, ARRAY({found}) FROM ("
            "SELECT firm, min(firm_said) AS said FROM typed WHERE firm IS NOT NULL AND reason IS NULL GROUP BY firm"
            ") AS k"
        ).format(found=references.accounts(account.by, sql.Identifier("k", "firm")))
    )
    session.execute("ANALYZE firms")
    session.commit()


def look_again(session: Session, account: AccountColumn) -> None:
    """The accounts that a chunk names, as they are now."""
    session.execute(
        sql.SQL("UPDATE firms AS f SET ids = ARRAY({found}) WHERE f.key = ANY (ARRAY(SELECT firm FROM chunk))").format(
            found=references.accounts(account.by, sql.Identifier("f", "key"))
        )
    )


def one_account() -> sql.SQL:
    """The account of a row, where exactly one was found."""
    return sql.SQL("CASE WHEN cardinality(f.ids) = 1 THEN f.ids[1] END")


def is_to_be_made(mapping: Mapping) -> sql.SQL:
    """Whether a row names an account that would be created."""
    if mapping.missing is not _Missing.CREATE:
        return sql.SQL("false")
    return sql.SQL("coalesce(cardinality(f.ids) = 0, false)")


def rejects(mapping: Mapping) -> sql.SQL:
    """Whether a row is rejected for the account that it names."""
    match mapping.missing:
        case _Missing.LEAVE:
            return sql.SQL("coalesce(cardinality(f.ids) > 1, false)")
        case _Missing.CREATE:
            return sql.SQL("t.firm_said IS NOT NULL AND (t.firm IS NULL OR cardinality(f.ids) > 1)")
        case _Missing.REJECT:
            return sql.SQL("t.firm_said IS NOT NULL AND (t.firm IS NULL OR cardinality(f.ids) <> 1)")


def problem(mapping: Mapping) -> sql.Composed:
    """What is wrong with the account that a row names; NULL where nothing is, and where it names none."""
    assert mapping.account is not None
    by, crm = mapping.account.by, elsewhere.known()
    label = crm.label if crm is not None else "Id"
    unusable, several, none, way = {
        By.NAME: ("is no name", "is the name of", "no account has the name", f"its domain or {label}"),
        By.DOMAIN: ("is not a company's own web address", "is the domain of", "no account has the domain", label),
        By.CRM_ID: (f"is no {label}", f"is the {label} of", f"no account here has the {label}", "its domain"),
    }[by]
    return sql.SQL(
        "CASE WHEN t.firm_said IS NULL THEN NULL "
        "WHEN t.firm IS NULL THEN 'Account: “' || {said} || {unusable} "
        "WHEN cardinality(f.ids) > 1 THEN 'Account: “' || {said} || {several} || array_to_string(f.ids, ', ') || {say} "
        "WHEN cardinality(f.ids) = 0 THEN {none} || {said} || '”' END"
    ).format(
        said=quoted(_SAID),
        unusable=sql.Literal(f"” {unusable}"),
        several=sql.Literal(f"” {several} several accounts (numbers "),
        say=sql.Literal(f"). Say which by {way}"),
        none=sql.Literal(f"Account: {none} “"),
    )


# -- opportunities


def deals(mapping: Mapping, table: LiteralString) -> sql.Composed:
    """A query for which opportunity each row of ``typed`` or ``chunk`` is: n, ids found, problem, key, and
    whether it lacks the account that it names.

    By its Id, where the row has one, and by nothing else then: one that isn't here may be a record that a later sync
    brings. Otherwise by account and name, without regard to case. ``key`` is what rows repeat each other by.
    """
    name = _value(mapping, "name")
    is_typed = table == "typed"
    has_firms = is_typed and mapping.account is not None
    account: sql.Composable = one_account() if has_firms else sql.SQL("NULL::bigint" if is_typed else "t.account")
    makes: sql.Composable = is_to_be_made(mapping) if has_firms else sql.SQL("false")
    named = of_account(sql.SQL("x.account_found"), name)
    return sql.SQL(
        "SELECT d.n, d.ids, {problem} AS problem, {key} AS key, ({problem}) IS NOT NULL AND d.firm_said IS NOT NULL "
        "AND d.account_found IS NULL AND NOT d.is_made AS is_firm_fault FROM ("
        "SELECT x.*, CASE WHEN x.own_said IS NOT NULL THEN ARRAY({by_id}) ELSE ARRAY({named}) END AS ids "
        "FROM (SELECT t.*, {account} AS account_found, {makes} AS is_made FROM {table} AS t {firms} {open}) AS x"
        ") AS d"
    ).format(
        problem=_deal_problem(mapping),
        key=_deal_key(mapping),
        by_id=references.elsewhere_found("opportunity", sql.Identifier("x", "own")),
        named=named,
        account=account,
        makes=makes,
        table=sql.Identifier(table),
        firms=sql.SQL("LEFT JOIN firms AS f ON f.key = t.firm" if has_firms else ""),
        open=sql.SQL("WHERE t.reason IS NULL" if is_typed else ""),
    )


def of_account(account: sql.Composable, name: sql.Composable) -> sql.Composed:
    """A query for the ids of an account's opportunities of a name."""
    return sql.SQL(
        "SELECT r.id FROM opportunity AS r WHERE r.account_id = {} AND lower(btrim(r.name)) = {} ORDER BY r.id LIMIT {}"
    ).format(account, sql.SQL(_MADE_OF_NAME).format(name), sql.Literal(references.MOST_FOUND))


def by_own_id() -> sql.Composed:
    """Says of the rows of ``chunk`` that have an Id of their own which opportunity they are, where that is one."""
    return sql.SQL(
        "UPDATE chunk AS t SET target = o.ids[1] FROM "
        "(SELECT x.n, ARRAY({}) AS ids FROM chunk AS x WHERE x.own IS NOT NULL) AS o "
        "WHERE o.n = t.n AND cardinality(o.ids) = 1"
    ).format(references.elsewhere_found("opportunity", sql.Identifier("x", "own")))


def _value(mapping: Mapping, name: str) -> sql.Composable:
    """The value of a field in a row; nothing where no column goes to it."""
    at = mapping.column(name)
    return value(at) if at is not None else sql.SQL("NULL::text")


def _deal_key(mapping: Mapping) -> sql.Composed:
    return sql.SQL(
        "CASE WHEN cardinality(d.ids) = 1 THEN '=' || d.ids[1] "
        "WHEN d.account_found IS NOT NULL THEN 'a' || d.account_found || ' ' || {name} "
        "WHEN d.is_made THEN 'f' || d.firm || ' ' || {name} END"
    ).format(name=sql.SQL(_MADE_OF_NAME).format(_value(mapping, "name")))


def _deal_problem(mapping: Mapping) -> sql.Composed:
    crm = elsewhere.known()
    label = crm.label if crm is not None else "Id"
    own = quoted(sql.SQL("d.own_said"))
    labels = {"name": "Name", "stage": "Stage", "close_date": "Close date"}
    lacking = sql.SQL(", ").join(
        sql.SQL("CASE WHEN {} IS NULL THEN {} END").format(_value(mapping, each), sql.Literal(labels[each]))
        for each in REQUIRED
    )
    keyless = sql.SQL("d.account_found IS NULL AND NOT d.is_made AND {}").format(sql.Literal(not mapping.takes_keyless))
    return sql.SQL(
        "CASE WHEN d.own_said IS NOT NULL AND d.own IS NULL THEN {label} || ': “' || {own} || '” is none' "
        "WHEN d.own IS NOT NULL AND cardinality(d.ids) = 0 THEN {label} || ': no opportunity here has “' || {own} "
        "|| '”. Import it from the CRM first, or leave the Id empty to make a new one' "
        "WHEN d.own IS NOT NULL AND cardinality(d.ids) > 1 THEN {label} || ': “' || {own} || '” is that of several "
        "opportunities here (numbers ' || array_to_string(d.ids, ', ') || ')' "
        "WHEN cardinality(d.ids) > 1 THEN 'Several opportunities of this account have the name “' || {name} || '” "
        "(numbers ' || array_to_string(d.ids, ', ') || '). Say which by its ' || {label} "
        "WHEN cardinality(d.ids) = 1 THEN NULL "
        "WHEN concat({lacking}) <> '' THEN concat_ws(', ', {lacking}) || ': empty, and a new opportunity needs it' "
        "WHEN {keyless} THEN 'No account is found for it, so we can''t check whether this opportunity already exists. "
        "Correct the account, or tick “Import them too”' END"
    ).format(
        label=sql.Literal(label), own=own, name=quoted(_value(mapping, "name")), lacking=lacking, keyless=keyless,
    )  # fmt: skip
