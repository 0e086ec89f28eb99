"""Search: SOSL and its terms, over the records of several objects at once.

Records are scanned, not indexed: SQL leaves out those in which a term can't be, and what is left is looked at word by
word until the limit is reached.  So a search costs writes nothing and never lags behind them; one that finds little in
millions of records takes seconds.
"""

from salesforce_emulator.search.run import Request, Returning, search
from salesforce_emulator.search.sosl import read_sosl

__all__ = ["Request", "Returning", "read_sosl", "search"]
