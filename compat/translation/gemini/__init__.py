"""Gemini's own API: its requests checked against the members it knows, its replies passed on as they came."""
