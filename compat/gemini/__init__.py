"""The only part that talks to Gemini, and what it makes of the failures it meets."""
