"""Live traffic: what runs and what just ended, for members of staff to see as it happens. Nothing of it is stored."""
