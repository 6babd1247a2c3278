"""A complete Python program over websockets for one realtime stream: subscribe, answer PINGPONG, decode records."""

from __future__ import annotations

from dari.providers.kis.examples.recipe import Recipe
from dari.providers.kis.examples.writing import codes_line, commented, docstring, one_line, quoted
from dari.providers.kis.spec import platform_facts


def write(recipe: Recipe) -> str:
    """The program: it prints each record as a JSON line; KIS_RECORDS tells after how many it stops (default 10)."""
    key, secret = recipe.key_names
    sealed = recipe.row.wire["encrypted"]
    lines = [*docstring(recipe), "import asyncio"]
    lines += (["import base64"] if sealed else []) + [
        "import json",
        "import os",
        "",
        "import httpx2",
        "import websockets",
    ]
    if sealed:
        lines.append("from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes")
    rest = platform_facts()["hosts"][recipe.mode]["rest"]
    lines += [
        "",
        f'HOST = os.environ.get("KIS_HOST", {quoted(rest)})',
        commented(
            f'STREAM = os.environ.get("KIS_STREAM", {quoted(recipe.host + "/tryitout")})',
            "모의투자 paper" if recipe.mode == "paper" else "실전 real",
        ),
        f'APP_KEY = os.environ["{key}"]',
        f'APP_SECRET = os.environ["{secret}"]',
        'RECORDS = int(os.environ.get("KIS_RECORDS", "10"))',
        commented(f"TR_ID = {quoted(recipe.tr_id)}", codes_line(recipe)),
        *_tr_key(recipe),
        commented("COLUMNS = [", "응답 순서 in the order they come"),
    ]
    block = recipe.row.blocks[0]
    lines += [commented(f"    {quoted(one.english or one.name.lower())},", one.label) for one in block.fields]
    lines += ["]", "", "", *_functions(sealed=sealed), *_main(sealed=sealed), "", "", 'if __name__ == "__main__":']
    return "\n".join([*lines, "    asyncio.run(main())"]) + "\n"


def _tr_key(recipe: Recipe) -> list[str]:
    value = next((one for one in recipe.values if one.name == "tr_key"), None)
    said = one_line(value.comment) if value else ""
    if recipe.row.scope == "account":
        return [commented('TR_KEY = os.environ["KIS_HTS_ID"]', "HTS ID (종목이 아님 not an issue)")]
    text = value.value if value else ""
    return [commented(f'TR_KEY = os.environ.get("KIS_TR_KEY", {quoted(text)})', f"종목코드 등 issue code: {said}")]


def _functions(*, sealed: bool) -> list[str]:
    lines = '''def approval_key() -> str:
    """웹소켓 접속키 (REST 토큰과 다름). The key of the stream; not the access token."""
    keys = {"grant_type": "client_credentials", "appkey": APP_KEY, "secretkey": APP_SECRET}
    reply = httpx2.post(f"{HOST}/oauth2/Approval", json=keys, timeout=10)
    reply.raise_for_status()
    return reply.json()["approval_key"]


def records(count: int, data: str) -> list[dict]:
    """한 프레임에 여러 건이 옵니다. A frame holds `count` records, fields divided by ^; new fields may come last."""
    fields = data.split("^")
    width = len(fields) // count
    rows = [fields[at * width : (at + 1) * width] for at in range(count)]
    return [dict(zip(COLUMNS, row, strict=False)) for row in rows]


'''.splitlines()
    if sealed:
        lines += '''def opened(data: str, key: str, iv: str) -> str:
    """AES-256-CBC, PKCS7: 체결통보는 암호화되어 옵니다. Notices of own orders are encrypted."""
    cipher = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).decryptor()
    text = cipher.update(base64.b64decode(data)) + cipher.finalize()
    return text[: -text[-1]].decode()


'''.splitlines()
    return lines


def _main(*, sealed: bool) -> list[str]:
    text = _MAIN
    if sealed:
        for plain, opened in _SEALED:
            text = text.replace(plain, opened, 1)
    return text.splitlines()


_MAIN = """async def main() -> None:
    key = await asyncio.to_thread(approval_key)
    header = {"approval_key": key, "custtype": "P", "tr_type": "1", "content-type": "utf-8"}
    wanted = {"header": header, "body": {"input": {"tr_id": TR_ID, "tr_key": TR_KEY}}}
    seen = 0
    async with websockets.connect(STREAM, ping_interval=None) as stream:
        await stream.send(json.dumps(wanted))
        async for frame in stream:
            if frame[0] not in "01":
                said = json.loads(frame)
                if said["header"]["tr_id"] == "PINGPONG":
                    await stream.send(frame)  # 받은 그대로 돌려보내야 연결이 유지됩니다 sent back as it came
                    continue
                if said["body"]["rt_cd"] != "0":
                    raise SystemExit(f"{said['body'].get('msg_cd')} {said['body'].get('msg1')}")
                continue
            _, _, count, data = frame.split("|", 3)
            for row in records(int(count), data):
                print(json.dumps(row, ensure_ascii=False), flush=True)
                seen += 1
            if seen >= RECORDS:
                return"""
_SEALED = (
    (
        "    seen = 0\n",
        '    seen, secret = 0, ("", "")\n',
    ),
    (
        "                continue\n            _, _, count",
        """                given = said["body"].get("output") or {}
                secret = given.get("key", ""), given.get("iv", "")
                continue
            sealed, _, count""",
    ),
    (
        "            for row in records",
        '            if sealed == "1":\n                data = opened(data, *secret)\n            for row in records',
    ),
)
