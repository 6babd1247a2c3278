"""The service's HTTP face: the original's paths with honest answers, and what the tools need beyond them."""
