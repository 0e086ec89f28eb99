"""The ground: the embedded server, named SQL, plain sessions for set-based work, and locks."""
