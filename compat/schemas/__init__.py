"""The shapes of both dialects as msgspec structs; members that are not named here are ignored."""
