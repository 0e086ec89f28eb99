"""Import from CRM: the records of a list view, a report or a query are found, previewed, and read into a collection.

They come in by the statements of any pull (mirrored, matched, merged), under the object's settings; the object's cursor
stays where it is. Which records it is, is found out once, for the preview: what is imported is what was looked at.
"""
