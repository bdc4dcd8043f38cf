"""Anthropic's Messages API: its messages and tools as a chat request, and Gemini's replies as its content blocks."""
