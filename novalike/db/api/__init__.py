"""The API database: what all cells share."""
