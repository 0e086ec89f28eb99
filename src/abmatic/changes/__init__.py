"""The change log: every change of a field with its cause; what push reads."""
