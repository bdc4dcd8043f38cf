"""serve and bootstrap."""
