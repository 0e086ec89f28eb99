"""Pull: Salesforce to Abmatic. Read a window, stage its bytes, match, merge, commit chunk by chunk."""
