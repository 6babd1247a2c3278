"""The one kind of import contract that import-linter lacks: a module that only named rooms may import."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import ContractCheck
from importlinter.contracts.protected import ProtectedContract
from importlinter.domain.imports import ModuleExpression


class OnlyIn(ProtectedContract):
    """Like `protected`, but a room or a package that nothing imports yet is left out instead of stopping the check.

    Options: `protected_modules` and `allowed_importers`, both as in `protected`.
    """

    type_name = "only_in"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001  # the base class's signature
        """Check what of the contract is in the graph."""
        options = vars(self)
        for name in ("protected_modules", "allowed_importers"):
            options[name] = _present(graph, options[name])
        return super().check(graph, verbose)


def _present(graph: ImportGraph, expressions: list[ModuleExpression]) -> list[ModuleExpression]:
    return [one for one in expressions if one.has_wildcard_expression() or one.expression in graph.modules]
