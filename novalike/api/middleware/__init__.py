"""What wraps the API: request ids, identity, microversion headers."""
