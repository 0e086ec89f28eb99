"""Reports of the Analytics API: from reportMetadata to SOQL, and from records to a fact map."""
