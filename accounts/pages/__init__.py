"""The pages of people with an account: the frame of every page, the dashboard, tokens, batches and requests."""
