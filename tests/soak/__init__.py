"""Killed at any point: a scripted life of an org and of Abmatic, with and without deaths, must come to the same.

`make soak` runs it at length, `test_soak` for a minute or so. See docs/testing.md.
"""
