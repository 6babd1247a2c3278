"""A simulated Kiwoom: an ASGI app that signs in, checks, pages, refuses, throttles and tells like the upstream.

Written from facts about the upstream and a world of its own; it knows nothing of the client it is asked by.
"""

from dari.providers.kiwoom.simulator.app import Simulator, create_app
from dari.providers.kiwoom.simulator.keys import DEFAULT_KEYS, MOCK_KEY, REAL_KEY, Key

__all__ = ["DEFAULT_KEYS", "MOCK_KEY", "REAL_KEY", "Key", "Simulator", "create_app"]
