"""What we offer over KIS, by toolset."""
