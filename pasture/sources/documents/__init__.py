"""Documents that somebody else has made already: rows of text in any of the usual files."""
