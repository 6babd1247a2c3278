"""Worlds: pure functions of (seed, thing, time) that the simulators tell as their own."""
