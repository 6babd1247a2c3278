"""What the code assistant offers to read: a page per API, and prompts to begin with."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dari.core.shelf import Prompt, Resource, Shelf
from dari.providers.kis.tools.sheet_page import api_list, api_page


def _trading(strategy: str = "20일 이동평균 돌파 (20-day breakout)", stock: str = "005930") -> str:
    return (
        f"한국투자증권 Open API로 자동매매 프로그램을 만듭니다. 전략: {strategy}. 종목: {stock}.\n"
        "1. find_api로 토큰 발급, 과거 일봉, 실시간 체결가, 매수가능, 현금 주문, "
        "미체결 조회, 체결통보 API를 찾으세요.\n"
        "2. 각 API를 build_call로 코드로 만드세요. 주문은 모의투자로만 합니다.\n"
        "3. 하루 손실 한도, 1회 주문 금액 한도, 중복 주문 방지를 넣고, 응답이 없던 주문은 다시 보내지 말고 "
        "체결 내역에서 확인하세요.\n"
        "4. 실행 방법(환경변수, 설치)을 설명하고, 실전 전환 전에 확인할 것을 적으세요.\n"
        "Build an automated trading program on the KIS Open API, on the paper account only, with loss and size limits; "
        "an order without an answer is looked up, never sent again."
    )


def _balance(language: str = "python") -> str:
    return (
        f"한국투자증권 Open API로 잔고 조회 앱을 만듭니다. 언어: {language}.\n"
        "1. find_api로 국내주식 잔고, 해외주식 잔고, 투자계좌 자산 현황 API를 찾으세요.\n"
        "2. build_call로 호출 코드를 만들고, 연속조회(tr_cont)까지 모두 읽으세요.\n"
        "3. 종목명, 수량, 평균단가, 현재가, 평가손익, 수익률을 표로 보이고 합계를 내세요. "
        "뜻이 불분명한 필드는 explain_field로 확인하세요.\n"
        "4. 앱키와 계좌번호는 환경변수에서만 읽고 화면과 로그에 남기지 마세요.\n"
        "Build an app that shows the account's holdings with totals; keys only from the environment."
    )


SHEETS: Final = (
    Resource(
        address="kis://apis",
        name="KIS API 목록",
        description="Every endpoint of the KIS Open API 전체 목록: id, Korean and English title.",
        read=api_list,
    ),
    Resource(
        address="kis://api/{id}",
        name="KIS API 명세",
        description="One endpoint 명세: path, tr_ids, parameters with codes, response fields.",
        read=api_page,
    ),
)
"""The sheets of the API, as documents."""

SHELF: Final = Shelf(
    resources=SHEETS,
    prompts=(
        Prompt(
            name="start_auto_trading",
            title="자동매매 시작",
            description="Begin an automated trading program 자동매매, on the paper account.",
            write=_trading,
            arguments=MappingProxyType({"strategy": "전략 strategy", "stock": "종목코드 stock code"}),
        ),
        Prompt(
            name="build_balance_app",
            title="잔고 조회 앱 만들기",
            description="Build an app that shows the balance of the account 잔고 조회.",
            write=_balance,
            arguments=MappingProxyType({"language": "python, javascript"}),
        ),
    ),
)
