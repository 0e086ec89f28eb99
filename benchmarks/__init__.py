"""Measurements. They are never timed tests: a figure says something only beside its floor, from the same run."""
