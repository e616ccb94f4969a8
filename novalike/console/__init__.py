"""Console proxies: browsers on one side, consoles of guests on the other. May import bus, conf, objects."""
