"""A chaos run: clients at work while everything around them dies, and an audit of what is left."""
