"""The commands that need every other part."""
