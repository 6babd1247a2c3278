"""The monitoring service's hands: the only modules here that touch the network."""
