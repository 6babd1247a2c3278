"""One module per proof; each has a `PROOF`."""
