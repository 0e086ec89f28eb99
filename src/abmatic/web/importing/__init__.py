"""Import from CRM: by list view, report or SOQL, with a preview."""
