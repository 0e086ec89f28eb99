"""The part of the tracking script that personalises pages, and what a site's pages are told of its experiences."""
