"""The memory: users, issued tokens, contributed keys and what was used. It never heard of chat or HTTP."""
