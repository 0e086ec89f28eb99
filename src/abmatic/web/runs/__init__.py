"""The Activity Log of a connection, and the page of each run."""
