"""Public procurement in a made-up Korea: from plan and notice to award and contract, and a mall."""

from dari.worlds.procurement.purchases import Bid, Line, Purchase
from dari.worlds.procurement.streams import Ref, Window
from dari.worlds.procurement.world import World

__all__ = ["Bid", "Line", "Purchase", "Ref", "Window", "World"]
