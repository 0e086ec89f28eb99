"""The synchronisation with Salesforce, as docs/sync.md and SYNC words define it; the only user of ``salesforce``."""
