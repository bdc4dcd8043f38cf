"""The requests that Gemini's API takes, as message types: what has which members, read as Google reads protobuf JSON."""
