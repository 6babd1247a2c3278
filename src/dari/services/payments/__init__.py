"""The reference payment platform (port 8090): authorize, capture, refund, a ledger, its faults."""
