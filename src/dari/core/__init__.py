"""The words both sides of the house say; imports nothing else of Dari."""
