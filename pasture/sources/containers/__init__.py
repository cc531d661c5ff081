"""Raw containers that several sources read: WARC files, archives and HTML."""
