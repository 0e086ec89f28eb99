"""Web events: sites, the script, the collector, the store. The ground of engagement and attribution."""
