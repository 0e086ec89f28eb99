"""Grids of accounts and contacts: columns, filters, sorting, counting, and pages that grow as they scroll."""
