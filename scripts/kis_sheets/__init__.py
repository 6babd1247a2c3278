"""Builds the KIS endpoint sheets from a facts file and the tables beside it."""
