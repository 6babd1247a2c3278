"""The rooms of the stack that open a connection."""
