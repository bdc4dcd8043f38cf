"""Chat completions: the way in, and the two ways out."""
