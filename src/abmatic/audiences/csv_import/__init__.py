"""Import of records from CSV files: read, mapped, previewed, then written by a worker in chunks that each commit."""
