"""POST /servers: from a body to what the conductor is asked for."""
