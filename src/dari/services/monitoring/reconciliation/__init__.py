"""Reconciliation that can fail: entries, payments, outbox, topics and requests against each other, row by row."""
