"""What can be in the org: the well-known sample records, a generated org of any size, a hostile one.

Each module has a ``load`` that fills the empty tables of :mod:`salesforce_emulator.schema`: the base records
(organization, profiles, users) where nobody has loaded them yet, the data, and the indexes.

* :mod:`~salesforce_emulator.data.sample`: the records every Developer Edition org begins with.
* :mod:`~salesforce_emulator.data.generate`: an org like a real company's, from a size and a seed.
* :mod:`~salesforce_emulator.data.hostile`: records that hurt importers, with what each must lead to.
"""
