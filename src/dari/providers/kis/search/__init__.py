"""Search of the KIS sheets by a sentence, in Korean or English, with no network, no model and no download."""

from dari.providers.kis.search.finding import Answered, Found, find

__all__ = ["Answered", "Found", "find"]
