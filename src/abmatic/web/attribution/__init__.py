"""Attribution: the report, what is behind its rows, its settings, and the journey of an account."""
