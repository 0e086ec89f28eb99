"""The demo's website: a few pages of a company that doesn't exist, followed by Abmatic, and a year of visits to it."""
