"""The door for people: `dari COMMAND …`. Exit code 0, 1 (upstream or our fault) or 2 (the caller's mistake)."""
