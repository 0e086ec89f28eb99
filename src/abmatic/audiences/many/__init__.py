"""One value for a field of many records: previewed, written by a worker in parts, put back where it still stands.

Beside `editing`, the door for single records: the same judging of values, the same change log, but set by set.
"""
