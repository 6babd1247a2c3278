"""What the world has, in the fields of the upstream: one module per kind of row, and the spelling of values."""
