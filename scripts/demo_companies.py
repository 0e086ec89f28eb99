"""Makes the synthetic company database for trying things out: invented companies on networks that nobody has.

The networks are those for measuring network devices (198.18.0.0/15, RFC 2544) and for documentation (RFC 5737, RFC
3849). Run it with the file to write::

    python scripts/demo_companies.py companies.mmdb
"""

from __future__ import annotations

import sys

from mmdb_writer import MMDBWriter
from netaddr import IPSet

FIRST = ("Alder", "Beacon", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper")
SECOND = ("Foods", "Logistics", "Robotics", "Software")
# On networks for documentation: a company, an internet provider, and one on a part of a network alone.
FURTHER = (
    ("192.0.2.0/24", {"name": "Kestrel Energy", "domain": "kestrel-energy.example", "type": "business"}),
    ("198.51.100.0/24", {"name": "Lumen Broadband", "domain": "lumen-broadband.example", "type": "isp"}),
    ("203.0.113.64/26", {"name": "Mistral Bank", "domain": "mistral-bank.example", "type": "business"}),
    ("2001:db8:7::/48", {"name": "Nimbus Aerospace", "domain": "nimbus-aerospace.example", "type": "business"}),
)


def records() -> list[tuple[str, dict[str, str]]]:
    """Networks and the companies on them: a /24 each from 198.18.1.0 on."""
    companies = [(first, second) for second in SECOND for first in FIRST]
    return [
        (
            f"198.18.{number}.0/24",
            {"name": f"{first} {second}", "domain": f"{first}-{second}.example".lower(), "type": "business"},
        )
        for number, (first, second) in enumerate(companies, start=1)
    ] + list(FURTHER)


def write(path: str) -> None:
    """Writes the database."""
    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="Abmatic-Demo-Company", description="Invented companies"
    )
    for network, company in records():
        writer.insert_network(IPSet([network]), company)
    writer.to_db_file(path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Say where to: python scripts/demo_companies.py companies.mmdb")
    write(sys.argv[1])
