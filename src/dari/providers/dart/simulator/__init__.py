"""An OpenDART that is not there: checks keys and values, counts calls, and tells one world's disclosures."""

from dari.providers.dart.simulator.app import SIMULATED_KEY, Account, Simulator, create_app

__all__ = ["SIMULATED_KEY", "Account", "Simulator", "create_app"]
