"""The same call as a JavaScript module for Node 22 or newer, with nothing to install."""

from __future__ import annotations

from dari.providers.kis.examples.recipe import Recipe
from dari.providers.kis.examples.writing import codes_line, commented, heading, quoted
from dari.providers.kis.spec import platform_facts


def write(recipe: Recipe) -> str:
    """An ES module (`example.mjs`); keys and account come from the environment."""
    key, secret = recipe.key_names
    rest = platform_facts()["hosts"][recipe.mode]["rest"]
    lines = [*(f"// {line}" for line in heading(recipe))]
    if recipe.stream and recipe.row.wire["encrypted"]:
        lines.append('import { createDecipheriv } from "node:crypto";')
    lines += [
        f"const HOST = process.env.KIS_HOST ?? {quoted(rest)};",
        f"const keys = {{ appkey: process.env.{key}, appsecret: process.env.{secret} }};",
    ]
    if recipe.stream:
        return "\n".join(lines + _stream(recipe)) + "\n"
    if recipe.order and recipe.mode == "real":
        lines.append('if (process.env.KIS_REAL_ORDER !== "yes") throw new Error("KIS_REAL_ORDER=yes is not set");')
    lines.append(
        'const post = (path, body) => fetch(HOST + path, { method: "POST", body: JSON.stringify(body), '
        'headers: { "content-type": "application/json; charset=utf-8", ...keys } }).then((reply) => reply.json());'
    )
    if recipe.row.scope == "auth":
        return "\n".join(lines + _auth(recipe)) + "\n"
    return "\n".join(lines + _rest(recipe)) + "\n"


def _auth(recipe: Recipe) -> list[str]:
    name = recipe.row.id.partition(".")[2]
    body = {
        "hashkey": '{ CANO: "00000000", ACNT_PRDT_CD: "01" }',
        "revokep": "{ ...keys, token: process.env.KIS_TOKEN }",
        "auth_ws_token": '{ grant_type: "client_credentials", appkey: keys.appkey, secretkey: keys.appsecret }',
    }.get(name, '{ grant_type: "client_credentials", ...keys }')
    return [f"console.log(JSON.stringify(await post({quoted(recipe.path)}, {body})));"]


def _rest(recipe: Recipe) -> list[str]:
    values = [
        commented(
            f"  {quoted(one.name)}: {'process.env.KIS_ACCOUNT' if one.source == 'account' else quoted(one.value)},",
            one.comment,
            "//",
        )
        for one in recipe.values
    ]
    lines = [
        "// 토큰은 하루 유효, 발급은 1분에 한 번 a token lives a day, one may be asked for a minute",
        "const token = process.env.KIS_TOKEN ??",
        '  (await post("/oauth2/tokenP", { grant_type: "client_credentials", ...keys })).access_token;',
        "const parameters = {",
        *values,
        "};",
        "const headers = {",
        '  "content-type": "application/json; charset=utf-8",',
        "  authorization: `Bearer ${token}`,",
        commented(f"  tr_id: {quoted(recipe.tr_id)},", codes_line(recipe), "//"),
        '  custtype: "P",',
        "  ...keys,",
        "};",
    ]
    if recipe.method == "GET":
        lines.append(f"const url = HOST + {quoted(recipe.path + '?')} + new URLSearchParams(parameters);")
        lines.append("const reply = await fetch(url, { headers });")
    else:
        lines.append(f"const url = HOST + {quoted(recipe.path)};")
        lines.append('const reply = await fetch(url, { method: "POST", headers, body: JSON.stringify(parameters) });')
    lines += [
        "const answer = await reply.json();",
        'if (answer.rt_cd !== "0") throw new Error(`${answer.msg_cd} ${answer.msg1}`);',
    ]
    if recipe.paging == "tr_cont":
        lines.append(
            "// reply.headers.get('tr_cont')가 M·F이면 tr_cont: N 헤더로 다음 페이지 more pages follow on M or F"
        )
    return [*lines, "console.log(JSON.stringify(answer));"]


def _stream(recipe: Recipe) -> list[str]:
    sealed = recipe.row.wire["encrypted"]
    value = next((one.value for one in recipe.values if one.name == "tr_key"), "")
    own = recipe.row.scope == "account"
    tr_key = "process.env.KIS_HTS_ID" if own else f"process.env.KIS_TR_KEY ?? {quoted(value)}"
    columns = ", ".join(quoted(one.english or one.name.lower()) for one in recipe.row.blocks[0].fields)
    body = '{ grant_type: "client_credentials", appkey: keys.appkey, secretkey: keys.appsecret }'
    lines = [
        f"const STREAM = process.env.KIS_STREAM ?? {quoted(recipe.host + '/tryitout')};",
        f"const columns = [{columns}];",
        'const { approval_key } = await (await fetch(HOST + "/oauth2/Approval", {',
        f'  method: "POST", headers: {{ "content-type": "application/json" }}, body: JSON.stringify({body}),',
        "})).json();",
        "const stream = new WebSocket(STREAM);",
        "stream.onopen = () => stream.send(JSON.stringify({",
        '  header: { approval_key, custtype: "P", tr_type: "1", "content-type": "utf-8" },',
        commented(
            f"  body: {{ input: {{ tr_id: {quoted(recipe.tr_id)}, tr_key: {tr_key} }} }},", codes_line(recipe), "//"
        ),
        "}));",
        'let seen = 0, secret = ["", ""];' if sealed else "let seen = 0;",
        "stream.onmessage = ({ data: frame }) => {",
        '  if (!"01".includes(frame[0])) {',
        "    const said = JSON.parse(frame);",
        '    if (said.header.tr_id === "PINGPONG") return stream.send(frame);',
        '    if (said.body.rt_cd !== "0") throw new Error(`${said.body.msg_cd} ${said.body.msg1}`);',
        *(['    secret = [said.body.output?.key ?? "", said.body.output?.iv ?? ""];'] if sealed else []),
        "    return;",
        "  }",
        '  let [closed, , count, ...rest] = frame.split("|"), data = rest.join("|");',
    ]
    if sealed:
        lines += [
            '  if (closed === "1") {',
            '    const cipher = createDecipheriv("aes-256-cbc", ...secret);',
            '    data = cipher.update(data, "base64", "utf8") + cipher.final("utf8");',
            "  }",
        ]
    return [
        *lines,
        '  const fields = data.split("^"), width = Math.floor(fields.length / Number(count));',
        "  for (let at = 0; at < Number(count); at += 1, seen += 1) {",
        "    const row = fields.slice(at * width, (at + 1) * width);",
        "    console.log(JSON.stringify(Object.fromEntries(columns.map((name, place) => [name, row[place]]))));",
        "  }",
        "  if (seen >= Number(process.env.KIS_RECORDS ?? 10)) stream.close();",
        "};",
    ]
