"""Who may do what: users and their roles, one-time sign-in links, sealed credentials."""
