"""The Responses API: its items and tools as a chat request, and Gemini's replies as its objects and events."""
