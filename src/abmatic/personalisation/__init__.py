"""What a site shows to whom: experiences of campaigns, decided here, put into pages by a script, counted."""
