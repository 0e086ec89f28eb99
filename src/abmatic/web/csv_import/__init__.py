"""Pages of the import of CSV files."""
