"""The command line: the same services as the pages, from a terminal."""
