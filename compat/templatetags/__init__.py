"""Template tags of the API page."""
