"""OAuth 2.1: our own authorization server, the gate that reads its tokens, and what tenants and callers may do."""
