"""What runs in the pages of the sites: one readable file, and how it is served."""
