"""Images: images/generations and images/edits ↔ generateContent of Gemini's image models."""
