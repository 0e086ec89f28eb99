"""Abmatic's own picture: accounts, contacts, opportunities, their owners, and collections of them."""
