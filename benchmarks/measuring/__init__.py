"""What the questions share: the stand-in for Gemini, the load, the gateways, and what becomes of the figures."""
