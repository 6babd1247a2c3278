"""The same call in the layout of the setup guide: kis_auth.py beside the program, keys in ~/KIS/config."""

from __future__ import annotations

from dari.providers.kis.examples.recipe import Recipe
from dari.providers.kis.examples.writing import codes_line, commented, docstring, python_values, quoted


def write(recipe: Recipe) -> str:
    """A program over the guide's module (`auth`, `getTREnv`, `_url_fetch`, `KISWebSocket`)."""
    server = "vps" if recipe.mode == "paper" else "prod"
    product = next((one.value for one in recipe.values if one.source == "product"), "01")
    lines = docstring(recipe, "kis_auth.py와 같은 폴더에서 실행하세요. Run it beside kis_auth.py.")
    if recipe.stream:
        return "\n".join(lines + _stream(recipe, server)) + "\n"
    if recipe.order and recipe.mode == "real":
        lines += ["import os", ""]
    lines += ["import kis_auth as ka", "import pandas as pd", ""]
    lines.append(commented(f"TR_ID = {quoted(_guide_code(recipe))}", codes_line(recipe)))
    lines += [f"PATH = {quoted(recipe.path)}", "", "", "def main() -> None:"]
    if recipe.order and recipe.mode == "real":
        lines += [
            '    if os.environ.get("KIS_REAL_ORDER") != "yes":',
            '        raise SystemExit("실계좌 주문: KIS_REAL_ORDER=yes 가 없어 멈춥니다. Not armed.")',
        ]
    lines.append(commented(f'    ka.auth(svr="{server}", product="{product}")', "vps 모의 paper, prod 실전 real"))
    lines += ["    account = ka.getTREnv()"] if any(one.source for one in recipe.values) else []
    values = _values(recipe)
    lines += ["    params = {", *values, "    }"] if values else ["    params = {}"]
    post = ", postFlag=True" if recipe.method == "POST" else ""
    lines += [
        f'    reply = ka._url_fetch(PATH, TR_ID, "", params{post})',
        "    if not reply.isOK():",
        '        raise SystemExit(f"{reply.getErrorCode()} {reply.getErrorMessage()}")',
        "    body = reply.getBody()",
    ]
    for block in recipe.shown:
        names = [f"        {quoted(name)}: {quoted(english)}," for name, english, _ in block.fields[:6]]
        rows = f"body.{block.name}" if block.name else "body._asdict()"
        lines += [
            f"    rows = {rows}",
            "    names = {",
            *names,
            "    }",
            "    print(pd.DataFrame(rows if isinstance(rows, list) else [rows]).rename(columns=names))",
        ]
    return "\n".join([*lines, "", "", 'if __name__ == "__main__":', "    main()"]) + "\n"


def _guide_code(recipe: Recipe) -> str:
    """kis_auth turns the T, J or C of a real tr_id into V for the paper server by itself."""
    if recipe.mode != "paper":
        return recipe.tr_id
    pairs = [recipe.row.codes, *recipe.row.wire["variants"]]
    real = next((str(one["real"]) for one in pairs if one.get("paper") == recipe.tr_id), recipe.tr_id)
    return real if real[:1] in "TJC" and "V" + real[1:] == recipe.tr_id else recipe.tr_id


def _values(recipe: Recipe) -> list[str]:
    lines = python_values(recipe, "        ")
    told = []
    for value, line in zip(recipe.values, lines, strict=True):
        plain = {"account": "ACCOUNT,", "product": f"{quoted(value.value)},"}.get(value.source)
        told.append(
            line.replace(plain, f"account.my_{'acct' if value.source == 'account' else 'prod'},") if plain else line
        )
    return told


def _stream(recipe: Recipe, server: str) -> list[str]:
    value = next((one.value for one in recipe.values if one.name == "tr_key"), "")
    own = recipe.row.scope == "account"
    columns = [
        commented(f"    {quoted(one.english or one.name.lower())},", one.label) for one in recipe.row.blocks[0].fields
    ]
    return [
        "import kis_auth as ka",
        "",
        commented(f"TR_ID = {quoted(recipe.tr_id)}", codes_line(recipe)),
        "COLUMNS = [",
        *columns,
        "]",
        "",
        "",
        "def request(tr_type: str, tr_key: str) -> tuple[dict, list[str]]:",
        '    """등록(1) 또는 해제(2) 메시지. The message that registers (1) or cancels (2)."""',
        '    return ka.data_fetch(TR_ID, tr_type, {"tr_key": tr_key}), COLUMNS',
        "",
        "",
        "def received(ws: object, tr_id: str, rows: object, info: dict) -> None:",
        "    print(rows)",
        "",
        "",
        "def main() -> None:",
        f'    ka.auth(svr="{server}")',
        f'    ka.auth_ws(svr="{server}")',
        '    stream = ka.KISWebSocket(api_url="/tryitout")',
        f"    stream.subscribe(request=request, data=[{'ka.getTREnv().my_htsid' if own else quoted(value)}])",
        "    stream.start(on_result=received)",
        "",
        "",
        'if __name__ == "__main__":',
        "    main()",
    ]
