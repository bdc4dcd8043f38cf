"""Pure functions from one dialect to the other; a module is named by the OpenAI member it maps."""
