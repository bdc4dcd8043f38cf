"""What is said in a recording: the question, and the words whole, streamed, or with times."""
