"""One module a command; each is a door to a verb of the app."""
