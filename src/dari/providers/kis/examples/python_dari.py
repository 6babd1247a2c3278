"""The same call through Dari's own client: cache, pacing, retry, paging and clear errors come with it."""

from __future__ import annotations

from dari.providers.kis.examples.recipe import Recipe
from dari.providers.kis.examples.writing import commented, docstring, field_table, python_values, quoted


def write(recipe: Recipe) -> str:
    """A program over `dari.kis.KisClient`, for an endpoint that only reads over REST."""
    account = any(one.source == "account" for one in recipe.values)
    lines = [*docstring(recipe), "import asyncio", "import json", *(["import os"] if account else [])]
    lines += ["", "from dari.kis import KisClient", ""]
    if account:
        lines.append(commented('ACCOUNT = os.environ["KIS_ACCOUNT"]', "계좌번호 앞 8자리 first 8 digits"))
    lines += ["FIELDS = {", *field_table(recipe.shown), "}", "", "", "async def main() -> None:"]
    values = python_values(recipe, "        ")
    lines += ["    params = {", *values, "    }"] if values else ["    params = {}"]
    lines += [
        commented("    async with KisClient() as kis:", "키는 설정에서 keys come from the settings"),
        f'        async for page in kis.pages({quoted(recipe.row.id)}, params, mode="{recipe.mode}"):',
        "            for row in kis.rows(page, FIELDS):",
        "                print(json.dumps(row, ensure_ascii=False))",
        "",
        "",
        'if __name__ == "__main__":',
        "    asyncio.run(main())",
    ]
    return "\n".join(lines) + "\n"
