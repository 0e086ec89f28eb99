"""Signing in: the login and consent pages, the token endpoint, revocation, who am I."""
