"""Push: Abmatic to Salesforce. What is due is compared, planned, sent in batches, and each row's outcome kept."""
