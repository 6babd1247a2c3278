"""Tests; a package so that no `tests` of another distribution can stand in its place."""
