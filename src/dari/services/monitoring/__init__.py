"""The payment monitoring service (port 8082): it looks at a payment platform from outside and says what it saw."""
