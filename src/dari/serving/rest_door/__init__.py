"""HTTP for programs that do not speak MCP: every tool as one POST, described by OpenAPI from the same declaration."""

from dari.serving.rest_door.door import RestDoor, public
from dari.serving.rest_door.watched import Watching

__all__ = ["RestDoor", "Watching", "public"]
