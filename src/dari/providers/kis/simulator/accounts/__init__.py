"""Accounts: orders that fill against the world's book, and statements that add up."""
