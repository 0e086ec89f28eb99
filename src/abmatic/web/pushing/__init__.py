"""Push to Salesforce for a selection: preview, choices, progress and result."""
