"""Campaigns, their members, and the statuses that a member of each may have."""
