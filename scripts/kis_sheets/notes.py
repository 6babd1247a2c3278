"""Turns the portal's remarks on a request parameter into facts: a constant, a sample, a format, a range."""

from __future__ import annotations

import re
from typing import Any

EMPTY = re.compile(r'^("" ?(공란|공백)(으로)? ?입력|공백 (필수 )?입력( 필수)?|공란\(""\)으로 조회)$')
CONSTANT = re.compile(
    r'^(?:"?([A-Z]|\d{1,5})"?(?: 고정)? ?(?:으로 )?입력|([A-Z]) - 고정값|(?:시장구분|업종) ?[:(] ?([A-Z])\)?'
    r"|화면번호[:(](\d{5})\)?|([A-Z]) \(KRX만 지원\))$"
)
SAMPLE = re.compile(r"(?:[eE]x|예|EX)[\s.:)]*\(?\s*([A-Z0-9][A-Za-z0-9]*(?: C\d+)?)")
SHOWN = re.compile(r"\((\d{4,8})\)$|^(\d+) \(\w+\)$|^([A-Z]) : 기본값$")
BARE = re.compile(r"^[0-9A-Z]{6}$")
ALL = re.compile(
    r"(공백|공란|입력값 없을 ?때|입력 ?시, 전체|\"\"공란)[^~]*전체|전체[:(]? ?공백|공백시 전체"
    r"|공백 ?[:(] ?전체|공란 : 전체"
)
FORMATS = ("YYYYMMDD", "HHMMSS")
SAID_BY_LABEL = re.compile(
    r"^(종목코드|업종구분코드|상품유형코드|종목번호|주식종목코드입력|주식단축종목코드|해외종목코드|HTS ?ID|입력시간"
    r"|영업일|결제일자|주문주식수|주문시 .*|정정 혹은 .*|고객의 .*|조회 ?(시작|종료)일자?|주식(선물|옵션) 종목코드"
    r"|야간(선물|옵션) 종목코드|채권종목코드|관심그룹 .*|종합계좌번호|계좌상품코드|입력한 코드 개수|조회일자|시작일자"
    r"|종료일자|주문일자|기준일자|소수점 포함, 1주당 가격|가격구분|ELW 종목코드|보유종목 코드|%+|정렬\d|from|to"
    r"|입력 날짜|날짜|회계[연년]도|기준일|채권 종목번호|선물최근월물)$"
)
KEPT = {
    "계좌번호 체계(8-2)의 앞 8자리": "계좌번호 앞 8자리",
    "계좌번호 체계(8-2)의 뒤 2자리": "계좌번호 뒤 2자리",
    "해당조건 사용시(1), 미사용시 필수항목아님": "1 사용",
    '주문단가 시장가 등 주문시, "0"으로 입력': "시장가는 0",
    "시장가나 최유리 지정가인 경우 0으로 입력": "시장가·최유리는 0",
    '취소주문 시, "0" 입력': "취소는 0",
    "빈칸 (hedge청산만 이용)": "hedge 청산만, 그 밖은 빈 값",
    "0 (hedge청산만 이용)": "hedge 청산만, 그 밖은 0",
    "OTFM3002U(해외선물옵션주문정정)만 사용": "정정만",
    "스탑지정가호가에서 사용": "스톱지정가만",
    '" "': "빈 값",
    "원주문이 일반시장 주문일 시 10단위 입력": "일반시장은 10단위",
    "다음조회시 입력": "다음 조회",
    "다음 페이지 조회시 사용": "다음 조회",
    "연속조회 시 사용": "다음 조회",
    "미입력 (다음조회 불가)": "빈 값",
    '"" 공란 입력 ※ 다음조회 불가': "빈 값",
    '"" 공란 입력 ※ 날짜 입력해도 처리 안됨': "빈 값",
    "[정정] 주문주식수": "[정정]",
    "공백 (분만 사용)": "분봉만, 그 밖은 빈 값",
    "입력값 없을때 전체 (거래대금 ~) 천원단위": "부터(천원), 빈 값은 전체",
    "외국계 전체(99999)": "99999 외국계 전체",
    "발행사종목코드전체(00000)": "00000 전체",
    "행사가전체(0)>=(1)": "0 전체, 1 이상",
    "입력 날짜1과 동일날짜 입력": "입력 날짜1과 같게",
    "Y (과거) / N (당일)": "Y 과거, N 당일",
    "일자 ~ (1주일 이내)": "부터, 1주일 이내",
    "~ 일자 (조회 당일)": "까지, 조회 당일",
    '"Y" 유효한 주문만 조회': "Y 유효한 주문만",
    "입력날짜(기준가 조회기준)": "기준가의 날짜",
    "B (업종코드)": "B",
    "(잔고조회 참조)": "잔고조회에서",
    "HTS_ID 입력": "",
    "조회 시작 번호 입력": "",
    "종합계좌번호 8자리": "",
    "계좌번호 8자리 입력 (ex.12345678)": "",
    "입력 시간(ex 13시 130000)": "HHMMSS",
    "시장구분(J)": "",
    "상품코드 2자리 (주식계좌 : 01)": "주식계좌는 01",
    "계좌상품코드 (2자리) : 주식계좌는 01": "주식계좌는 01",
    "최대 32개 까지 가능": "최대 32",
    "레코드요청갯수 (최대 120)": "최대 120",
    "조회 종료일자 (최대 100개)": "최대 100행",
    "'Y@전량 N@일부'": "",
    "종목코드에 맞는 거래소 코드 ex) CME": "종목의 거래소",
    "날짜 입력) ex) 20260313": "YYYYMMDD",
}


def told(fact: dict[str, Any]) -> dict[str, Any]:
    """The parameter with its remark read: `fixed`, `ex` and a short `note` in our own words."""
    note = str(fact.get("note", "")).strip()
    fact = {key: value for key, value in fact.items() if key != "note"}
    if note in KEPT:
        return {**fact, "note": KEPT[note]}
    if EMPTY.match(note):
        return {**fact, "fixed": ""}
    if constant := CONSTANT.match(note):
        value = next(part for part in constant.groups() if part)
        if value in fact.get("codes", {value: ""}):
            return {**fact, "fixed": value}
    if BARE.match(note):
        return {**fact, "ex": fact.get("ex", note)}
    return _with_sample(fact, note)


def _with_sample(fact: dict[str, Any], note: str) -> dict[str, Any]:
    whole = note
    if sample := SAMPLE.search(note):
        fact = {"ex": sample[1], **fact}
        note = note[: sample.start()].strip(" (")
    elif shown := SHOWN.search(note):
        fact = {"ex": next(part for part in shown.groups() if part), **fact}
        note = SHOWN.sub("", note).strip()
    short = _shape(whole, note)
    return {**fact, "note": short} if short else fact


def _shape(whole: str, note: str) -> str:
    if most := re.search(r"최대 (\d+)", whole):
        return f"최대 {most[1]}"
    for wanted in FORMATS:
        if wanted in note:
            return wanted
    if bound := re.search(r"(이상|이하)\)?$|(?<=일)(from|to)$", note):
        return {"from": "부터", "to": "까지"}.get(bound[0], bound[1])
    return _range(note)


def _range(note: str) -> str:
    parts = []
    if re.search(r"~\)?$|이후 ~|^.*~ ?\(?$", note):
        parts.append("부터")
    elif re.match(r"^(입력값 없을때 전체 \(|공백 입력 시 전체 \()?~", note):
        parts.append("까지")
    if ALL.search(note):
        parts.append("빈 값은 전체")
    if parts:
        return ", ".join(parts)
    plain = re.sub(r"\s*\(.*자리.*\)|\s*\(ex.*|\s*※.*", "", note).strip()
    plain = re.sub(r" 입력\)?$", "", plain)
    return "" if SAID_BY_LABEL.match(plain) else plain
