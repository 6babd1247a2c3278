"""The payment system, asked through its monitoring service: its endpoints, its dialect, its models and its tools."""
