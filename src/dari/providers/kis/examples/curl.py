"""The same call as a shell script over curl."""

from __future__ import annotations

import json

from dari.providers.kis.examples.recipe import Recipe
from dari.providers.kis.examples.writing import codes_line, commented, heading, one_line


def write(recipe: Recipe) -> str:
    """A script for sh; keys and account come from the environment."""
    key, secret = recipe.key_names
    lines = ["#!/bin/sh", *(f"# {line}" for line in heading(recipe)), "set -eu"]
    lines.append(f'HOST="${{KIS_HOST:-{recipe.host}}}"')
    if recipe.order and recipe.mode == "real":
        lines.append('[ "${KIS_REAL_ORDER:-}" = yes ] || { echo "KIS_REAL_ORDER=yes is not set" >&2; exit 1; }')
    if recipe.row.scope == "auth":
        return "\n".join(lines + _auth(recipe, key, secret)) + "\n"
    keys = f'{{\\"grant_type\\":\\"client_credentials\\",\\"appkey\\":\\"${key}\\",\\"appsecret\\":\\"${secret}\\"}}'
    lines += [
        "# 토큰은 하루 유효, 발급은 1분에 한 번 (KIS_TOKEN으로 재사용) a token lives a day",
        f'TOKEN="${{KIS_TOKEN:-$(curl -sS "$HOST/oauth2/tokenP" -H "content-type: application/json" -d "{keys}" |',
        '  sed -n \'s/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p\')}"',
        commented(f"TR_ID={recipe.tr_id}", codes_line(recipe)),
    ]
    headers = [
        '-H "content-type: application/json; charset=utf-8"',
        '-H "authorization: Bearer $TOKEN"',
        f'-H "appkey: ${key}"',
        f'-H "appsecret: ${secret}"',
        '-H "tr_id: $TR_ID"',
        '-H "custtype: P"',
    ]
    if recipe.method == "GET":
        values = [f"--data-urlencode {_shell(one.name, one.value, one.source)}" for one in recipe.values]
        parts = [f'curl -sS -G "$HOST{recipe.path}"', *headers, *values]
    else:
        body = json.dumps({one.name: one.value for one in recipe.values}, ensure_ascii=False)
        body = body.replace("'", "'\\''")
        if any(one.source == "account" for one in recipe.values):
            body = body.replace('"CANO": ""', '"CANO": "\'"$KIS_ACCOUNT"\'"')
        parts = [f'curl -sS "$HOST{recipe.path}"', *headers, f"-d '{body}'"]
    lines.append(" \\\n  ".join(parts))
    lines += [f"# {one.name}: {one_line(one.comment)[:100]}" for one in recipe.values]
    if recipe.paging == "tr_cont":
        lines.append(
            "# 응답 헤더 tr_cont가 M·F이면 tr_cont: N 헤더와 CTX_AREA_* 값으로 다음 페이지 more pages follow on M or F"
        )
    return "\n".join(lines) + "\n"


def _shell(name: str, value: str, source: str) -> str:
    if source == "account":
        return f'"{name}=$KIS_ACCOUNT"'
    quoted = value.replace("'", "'\\''")
    return f"'{name}={quoted}'"


def _auth(recipe: Recipe, key: str, secret: str) -> list[str]:
    name = recipe.row.id.partition(".")[2]
    if name == "hashkey":
        headers = f'-H "content-type: application/json" -H "appkey: ${key}" -H "appsecret: ${secret}"'
        return [f'curl -sS "$HOST{recipe.path}" {headers} -d \'{{"CANO": "00000000", "ACNT_PRDT_CD": "01"}}\'']
    secret_name = "secretkey" if name == "auth_ws_token" else "appsecret"
    body = f'\\"appkey\\":\\"${key}\\",\\"{secret_name}\\":\\"${secret}\\"'
    body += ',\\"token\\":\\"$KIS_TOKEN\\"' if name == "revokep" else ',\\"grant_type\\":\\"client_credentials\\"'
    return [f'curl -sS "$HOST{recipe.path}" -H "content-type: application/json" -d "{{{body}}}"']
