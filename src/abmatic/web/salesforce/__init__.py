"""The Salesforce settings: a tab for each object, syncing it by hand, and the settings as a file."""
