"""The site: settings, which app answers which path, and how it is served."""
