"""Which networks the website's visitors come from, and the file that says whose they are.

Nobody has these networks: they are kept for measuring network devices (RFC 2544). One half is an internet provider's,
which says nothing of a visitor; of the other each company has a /24. What the file says is invented, and like what
vendors of such files say: `engagement.companies` reads it as it reads theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import NamedTuple

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from abmatic.cli.demo_website.dice import Dice
from abmatic.tracking.events import Network

PROVIDERS, COMPANIES = IPv4Network("198.18.0.0/16"), IPv4Network("198.19.0.0/16")
# There are so many networks for companies.
MOST = 256
_PROVIDER = {"name": "Shoreline Broadband", "domain": "shoreline-broadband.example", "type": "isp"}


class Company(NamedTuple):
    """Who has a network of its own."""

    domain: str
    name: str


# Of the networks of companies that aren't in Salesforce.
STRANGERS = (
    Company("kestrel-energy.example", "Kestrel Energy"),
    Company("lagoon-museums.example", "Lagoon Museums"),
    Company("mistral-bank.example", "Mistral Bank"),
    Company("nimbus-aerospace.example", "Nimbus Aerospace"),
    Company("osprey-rail.example", "Osprey Rail"),
    Company("pinnacle-arenas.example", "Pinnacle Arenas"),
)


def network_of(place: int) -> Network:
    """The network of the company at this place among them, from 0."""
    if not 0 <= place < MOST:
        raise ValueError(f"There are networks for {MOST} companies, none for number {place}.")
    return IPv4Network((int(COMPANIES.network_address) + (place << 8), 24))


def network_of_a_provider(dice: Dice) -> Network:
    """Where most visitors come from: at home, on the way, or at a company that nobody knows by its network."""
    return IPv4Network((int(PROVIDERS.network_address) + (dice.getrandbits(8) << 8), 24))


def prepare(file: Path) -> None:
    """The file is there before the app starts, which is set to read it; companies are known after the import."""
    if not file.exists():
        write(file, ())


def write(file: Path, companies: Sequence[Company]) -> None:
    """Writes the file in MaxMind's format: companies in the order of their networks."""
    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="Abmatic-Demo-Company", description="Invented companies"
    )
    writer.insert_network(IPSet([str(PROVIDERS)]), _PROVIDER)
    for place, company in enumerate(companies):
        writer.insert_network(IPSet([str(network_of(place))]), {**company._asdict(), "type": "business"})
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    writer.to_db_file(str(draft))
    draft.replace(file)
