"""A small Korean and English grammar for payment filters: it reads a sentence wholly or says which word it did not."""

from dari.services.monitoring.filters.query import Asked, Outcome, understand
from dari.services.monitoring.filters.reading import Reading, Understood
from dari.services.monitoring.filters.sentence import read

__all__ = ["Asked", "Outcome", "Reading", "Understood", "read", "understand"]
