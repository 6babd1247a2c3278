"""A complete Python program over plain httpx2 for one REST endpoint."""

from __future__ import annotations

from dari.providers.kis.examples.recipe import Recipe
from dari.providers.kis.examples.writing import codes_line, commented, docstring, field_table, python_values, quoted


def write(recipe: Recipe) -> str:
    """The program: keys and account come from the environment, rows are printed as JSON lines with English names."""
    key, secret = recipe.key_names
    auth = recipe.row.scope == "auth"
    account = any(one.source == "account" for one in recipe.values)
    lines = docstring(recipe)
    lines += ["import json", "import os", "", "import httpx2", ""]
    where = "모의투자 paper" if recipe.mode == "paper" else "실전 real"
    lines.append(commented(f'HOST = os.environ.get("KIS_HOST", {quoted(recipe.host)})', where))
    lines += [f'APP_KEY = os.environ["{key}"]', f'APP_SECRET = os.environ["{secret}"]']
    if account:
        lines.append(commented('ACCOUNT = os.environ["KIS_ACCOUNT"]', "계좌번호 앞 8자리 first 8 digits"))
    if not auth:
        lines.append(commented(f"TR_ID = {quoted(recipe.tr_id)}", codes_line(recipe)))
    lines.append(f"PATH = {quoted(recipe.path)}")
    lines += _fields(recipe)
    lines += ["", ""]
    lines += _auth_main(recipe) if auth else _token() + _main(recipe)
    lines += ["", "", 'if __name__ == "__main__":', "    main()"]
    return "\n".join(lines) + "\n"


def _fields(recipe: Recipe) -> list[str]:
    return ["FIELDS = {", *field_table(recipe.shown), "}"] if recipe.row.scope != "auth" else []


def _token() -> list[str]:
    return '''def access_token(client: httpx2.Client) -> str:
    """토큰은 하루 유효, 발급은 1분에 한 번: KIS_TOKEN에 두고 다시 쓰세요. It lives a day: keep it."""
    if token := os.environ.get("KIS_TOKEN"):
        return token
    keys = {"grant_type": "client_credentials", "appkey": APP_KEY, "appsecret": APP_SECRET}
    reply = client.post("/oauth2/tokenP", json=keys)
    reply.raise_for_status()
    return reply.json()["access_token"]


def decoded(body: dict) -> list[dict]:
    """응답의 행을 영어 이름으로 (값은 KIS가 보낸 글자 그대로). The rows under English names."""
    found = []
    for block, names in FIELDS.items():
        rows = body.get(block, body.get(block.lower(), [])) if block else body
        for row in [rows] if isinstance(rows, dict) else rows:
            known = {name.lower(): value for name, value in row.items()}
            found.append({english: known.get(name.lower()) for name, english in names.items()})
    return found


'''.splitlines()


def _main(recipe: Recipe) -> list[str]:
    lines = ["def main() -> None:"]
    if recipe.order and recipe.mode == "real":
        lines += [
            '    if os.environ.get("KIS_REAL_ORDER") != "yes":',
            '        raise SystemExit("실계좌 주문: KIS_REAL_ORDER=yes 가 없어 멈춥니다. Not armed.")',
        ]
    name = "params" if recipe.method == "GET" else "body"
    values = python_values(recipe, "        ")
    lines += [f"    {name} = {{", *values, "    }"] if values else [f"    {name} = {{}}"]
    lines += [
        "    with httpx2.Client(base_url=HOST, timeout=10) as client:",
        "        headers = {",
        '            "content-type": "application/json; charset=utf-8",',
        '            "authorization": f"Bearer {access_token(client)}",',
        '            "appkey": APP_KEY,',
        '            "appsecret": APP_SECRET,',
        '            "tr_id": TR_ID,',
        '            "tr_cont": "",',
        commented('            "custtype": "P",', "개인 person"),
        "        }",
    ]
    if recipe.paging in {"tr_cont", "key"} and recipe.method == "GET":
        return lines + _paged(recipe)
    call = (
        "client.get(PATH, params=params, headers=headers)"
        if recipe.method == "GET"
        else "client.post(PATH, json=body, headers=headers)"
    )
    return [
        *lines,
        f"        reply = {call}",
        "    answer = reply.json()",
        '    if answer.get("rt_cd") != "0":',
        "        raise SystemExit(f\"{answer.get('msg_cd')} {answer.get('msg1')}\")",
        "    for row in decoded(answer):",
        "        print(json.dumps(row, ensure_ascii=False))",
    ]


def _paged(recipe: Recipe) -> list[str]:
    keys = recipe.paging_keys
    lines = [
        commented("        for _ in range(10):", "연속조회: 최대 10페이지 pages"),
        "            reply = client.get(PATH, params=params, headers=headers)",
        "            answer = reply.json()",
        '            if answer.get("rt_cd") != "0":',
        "                raise SystemExit(f\"{answer.get('msg_cd')} {answer.get('msg1')}\")",
        "            for row in decoded(answer):",
        "                print(json.dumps(row, ensure_ascii=False))",
    ]
    if recipe.paging == "tr_cont":
        lines += [
            commented(
                '            if reply.headers.get("tr_cont") not in ("M", "F"):', "M·F: 다음 페이지 있음 more follows"
            ),
            "                break",
            '            headers["tr_cont"] = "N"',
        ]
        if keys:
            names = ", ".join(map(quoted, keys)) + ("," if len(keys) == 1 else "")
            lines.append(f"            for key in ({names}):")
            lines.append('                params[key] = answer.get(key.lower(), "")')
        return lines
    names = ", ".join(map(quoted, keys)) + ("," if len(keys) == 1 else "")
    lines += [
        '            inner = answer.get("output1") or {}',
        "            found = {**answer, **inner} if isinstance(inner, dict) else answer",
        f'            following = {{key: (found.get(key.lower()) or "").strip() for key in ({names})}}',
        commented(
            "            if not all(following.values()) or following.items() <= params.items():", "다음 키 없음 no more"
        ),
        "                break",
        "            params |= following",
    ]
    if any(one.name == "QRY_TP" and "P" in one.codes for one in recipe.row.parameters):
        lines.append(commented('            params["QRY_TP"] = "P"', "다음 키로 조회 by the key"))
    return lines


def _auth_main(recipe: Recipe) -> list[str]:
    name = recipe.row.id.partition(".")[2]
    lines = ["def main() -> None:", "    with httpx2.Client(base_url=HOST, timeout=10) as client:"]
    if name == "hashkey":
        lines += [
            commented(
                '        order = {"CANO": "00000000", "ACNT_PRDT_CD": "01"}', "해시할 주문 본문 the order to hash"
            ),
            '        headers = {"content-type": "application/json", "appkey": APP_KEY, "appsecret": APP_SECRET}',
            "        reply = client.post(PATH, json=order, headers=headers)",
        ]
    elif name == "revokep":
        lines += [
            commented(
                '        keys = {"appkey": APP_KEY, "appsecret": APP_SECRET, "token": os.environ["KIS_TOKEN"]}',
                "폐기할 토큰",
            ),
            "        reply = client.post(PATH, json=keys)",
        ]
    else:
        secret = "secretkey" if name == "auth_ws_token" else "appsecret"
        lines += [
            f'        keys = {{"grant_type": "client_credentials", "appkey": APP_KEY, "{secret}": APP_SECRET}}',
            "        reply = client.post(PATH, json=keys)",
        ]
    return [*lines, "    reply.raise_for_status()", "    print(json.dumps(reply.json(), ensure_ascii=False))"]
