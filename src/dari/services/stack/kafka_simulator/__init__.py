"""Kafka brokers that speak the protocol on real sockets and keep everything in memory: for trials without a cluster."""
