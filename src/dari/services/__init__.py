"""Programs of our own that others ask over the network."""
