"""The protocol: OpenAI's API in front of Gemini. It remembers no person, key or count."""
