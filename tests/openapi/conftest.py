"""The app in this process, as the tests of the surface have it."""

from tests.surface.conftest import database_threads, gemini, permissions_afterwards, site

__all__ = ["database_threads", "gemini", "permissions_afterwards", "site"]
