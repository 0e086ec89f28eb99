"""The page of one account or contact, tab by tab."""
