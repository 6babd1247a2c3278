"""A KIS Open API that is not there: signs in, checks, refuses and limits like KIS, and tells one world's figures."""

from dari.providers.kis.simulator.app import Simulator, create_app
from dari.providers.kis.simulator.keys import NEWCOMER, PAPER, REAL, STANDARD_KEYS, Key

__all__ = ["NEWCOMER", "PAPER", "REAL", "STANDARD_KEYS", "Key", "Simulator", "create_app"]
