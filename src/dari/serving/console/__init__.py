"""The console: pages that show what this process does, to whom the gate lets in."""

from dari.serving.console.doorway import Doorway, free
from dari.serving.console.pages import Around, Console, Fault

__all__ = ["Around", "Console", "Doorway", "Fault", "free"]
