"""Moderations: content to be judged, and the judgement in OpenAI's categories."""
