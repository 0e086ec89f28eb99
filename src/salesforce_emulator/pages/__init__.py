"""The org's own pages: what a sales rep sees and does "in Salesforce"."""
