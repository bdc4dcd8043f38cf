"""A text to be said: the way in, and the sound on its way out."""
