"""The database of one cell: its hosts, their servers, and what is being done to them."""
