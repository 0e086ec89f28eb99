"""Pages, forms and templates, by area. No rules live here."""
