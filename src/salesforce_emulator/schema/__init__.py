"""What the org consists of: objects, fields, tables.

For those who load data (all of it works on a plain :class:`sqlite3.Connection`)::

    from salesforce_emulator import ids
    from salesforce_emulator.schema import (
        BASE, bulk_insert, create_indexes, create_tables, default_schema, load_base, reserve_ids)

    create_tables(conn)                    # one table an object, one column a stored field
    load_base(conn)                        # organization, profiles, roles, users, stages, lead statuses
    account_ids = reserve_ids(conn, "Account", 1000)   # a list, in order
    bulk_insert(conn, "Account", ["Id", "Name", ...], rows)   # rows: any iterable of tuples
    create_indexes(conn)                   # after the rows: much cheaper (who opens the store does it too)

``default_schema()["Account"].stored`` lists the columns; key prefixes are in ``.prefix``.  What the loader
leaves out gets the column's default: booleans 0, CreatedDate, LastModifiedDate and SystemModstamp the time
of loading, CreatedById, LastModifiedById and OwnerId the administrator.  Computed fields (Name of persons,
addresses, ExpectedRevenue, campaign counts, the person's fields of a campaign member …) can't be written.
Opportunity.IsClosed, IsWon, ForecastCategory and ForecastCategoryName are stored: ``STAGES`` says them.
"""

from salesforce_emulator.schema.base import BASE, STAGES, Stage, load_base, load_task_choices
from salesforce_emulator.schema.building import build_schema, default_schema
from salesforce_emulator.schema.custom import Customization
from salesforce_emulator.schema.objects import Field, Schema, SObject
from salesforce_emulator.schema.tables import bulk_insert, create_indexes, create_tables, reserve_ids

__all__ = [
    "BASE",
    "STAGES",
    "Customization",
    "Field",
    "SObject",
    "Schema",
    "Stage",
    "build_schema",
    "bulk_insert",
    "create_indexes",
    "create_tables",
    "default_schema",
    "load_base",
    "load_task_choices",
    "reserve_ids",
]
