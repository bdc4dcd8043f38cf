"""Failed assertions of the shared module say what they compared."""

