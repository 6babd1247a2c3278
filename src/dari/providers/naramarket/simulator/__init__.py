"""A simulated data.go.kr for procurement: every operation, every envelope, every refusal, and faults by name."""

from dari.providers.naramarket.simulator.app import create_app
from dari.providers.naramarket.simulator.engine import Engine, Limits
from dari.providers.naramarket.simulator.faults import SCRIPTS
from dari.providers.naramarket.simulator.gate import SIMULATED_KEY, Account

__all__ = ["SCRIPTS", "SIMULATED_KEY", "Account", "Engine", "Limits", "create_app"]
