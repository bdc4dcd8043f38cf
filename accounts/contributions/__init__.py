"""Contribution without an account: keys come in against a receipt, and whoever holds the receipt's code rules over them.

Nothing here knows a person: no name, no address, no hour. docs/contributing-keys.md tells the whole story.
"""
