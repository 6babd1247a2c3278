"""A KRX Open API that is not there: checks keys and days, counts calls, and tells one world's closed days."""

from dari.providers.krx.simulator.app import SIMULATED_KEY, Account, Simulator, create_app

__all__ = ["SIMULATED_KEY", "Account", "Simulator", "create_app"]
