"""Dari (다리, "bridge"): Korean brokers, public procurement and a payment system, through MCP."""

__version__ = "0.1.0"
