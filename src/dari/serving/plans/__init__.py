"""plan → apply: an irreversible act is planned by a read, done once by its plan's id, and looked up when in doubt."""

from dari.serving.plans.caps import Caps
from dari.serving.plans.offered import plan_tools
from dari.serving.plans.planning import Plans
from dari.serving.plans.records import Record

__all__ = ["Caps", "Plans", "Record", "plan_tools"]
