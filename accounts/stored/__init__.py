"""What the Responses API keeps for its callers: written behind the answers, read when a request goes on from it."""
