"""Settings → Integrations: connecting Salesforce, and each connection's pages."""
