"""The drivers: the only rooms of the platform that open a connection."""
