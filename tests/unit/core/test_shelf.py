"""Resources by address, prompts by name, and what is said where there is none."""

from __future__ import annotations

import pytest

from dari.core.errors import InvalidInput, NotFound
from dari.core.shelf import Prompt, Resource, Shelf


def page(id: str) -> str:  # noqa: A002 -- the part of the address is called so
    if id == "none":
        raise NotFound("no such page")
    return f"page {id}"


SHELF = Shelf(
    resources=(
        Resource(address="kis://apis", name="all", description="", read=lambda: "all"),
        Resource(address="kis://api/{id}", name="one", description="", read=page),
    ),
    prompts=(
        Prompt(
            name="begin",
            title="Begin",
            description="",
            write=lambda topic, depth="1": f"{topic} {depth}",
            arguments={"topic": "what", "depth": "how far"},
            required=frozenset({"topic"}),
        ),
    ),
)


async def test_an_address_with_parts_reads_one_document() -> None:
    assert await SHELF.read("kis://api/domestic_stock.inquire_price") == (
        "text/markdown",
        "page domestic_stock.inquire_price",
    )
    assert await SHELF.read("kis://apis") == ("text/markdown", "all")


async def test_a_document_may_have_to_be_waited_for() -> None:
    async def later() -> str:
        return "later"

    shelf = Shelf(resources=(Resource(address="a://b", name="b", description="", read=later),))
    assert await shelf.read("a://b") == ("text/markdown", "later")


@pytest.mark.parametrize("uri", ["kis://api/", "kis://api/a/b", "kis://other", "", "kis://api/none"])
async def test_what_is_not_there_is_not_found(uri: str) -> None:
    with pytest.raises(NotFound):
        await SHELF.read(uri)


def test_a_prompt_takes_its_arguments_and_no_others() -> None:
    assert SHELF.prompt("begin", {"topic": "x"})[1] == "x 1"
    with pytest.raises(InvalidInput, match="topic"):
        SHELF.prompt("begin", {})
    with pytest.raises(InvalidInput, match="more"):
        SHELF.prompt("begin", {"topic": "x", "more": "y"})
    with pytest.raises(NotFound, match="end"):
        SHELF.prompt("end", {})
