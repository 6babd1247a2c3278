"""What one upstream is like, one package each; no provider imports another."""
