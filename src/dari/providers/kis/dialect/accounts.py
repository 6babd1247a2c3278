"""Which of a key's accounts an endpoint is for: one a product (종합 01, 선물옵션 03, 해외선물옵션 08 …)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dari.core.acts import Holder, holder
from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, MissingCredential, WrongMode
from dari.core.provider import Credential

NUMBER, PRODUCT = "CANO", "ACNT_PRDT_CD"
KINDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "domestic_futureoption": ("future", "03", "FUTURE_"),
    "overseas_futureoption": ("overseas_future", "08", "FUTURE_"),
}
"""Category → the part of the credential, its product code, and what its setting is called; all else is `stock`."""
STOCK: Final = ("stock", "01", "")
PENSION, PENSION_CODE = "pension", "29"


def account_of(row: Endpoint, credential: Credential) -> dict[str, str]:
    """CANO and ACNT_PRDT_CD for a row that names an account, else nothing. Raises MissingCredential or WrongMode.

    A credential's part is written `12345678-01`; without a product code, the usual one of the category is meant.
    """
    wanted = {one.name: one for one in row.parameters}
    if NUMBER not in wanted:
        return {}
    part, usual, setting = KINDS.get(row.category, STOCK)
    asked = wanted[PRODUCT].fixed if PRODUCT in wanted else None
    if asked == PENSION_CODE:  # 퇴직연금 is an account of its own; a stock account of that product is one, too
        part = PENSION if PENSION in credential.parts else part
        usual, setting = PENSION_CODE, "PENSION_"
    number, _, product = credential.parts.get(part, "").partition("-")
    if not number:
        mode = "PAPER_" if credential.mode == "paper" else ""
        name = f"KOREA_INVESTMENT_{mode}{setting}ACCOUNT"
        raise MissingCredential(
            f"no {credential.mode} account number for {row.category} (profile {credential.profile})",
            hint=Hint(f"{name}=12345678-{usual} 형식으로 설정하세요.", f"Set {name}=12345678-{usual}."),
        )
    product = product or usual
    if asked and asked != product:
        raise WrongMode(
            f"{row.id} is for an account of product {asked}; the configured one is of product {product}",
            hint=Hint(f"상품코드 {asked} 계좌를 설정하세요.", f"Configure an account of product {asked}."),
        )
    return {name: value for name, value in ((NUMBER, number), (PRODUCT, product)) if name in wanted}


def holder_of(row: Endpoint, credential: Credential) -> Holder:
    """The account of a row, told without giving its number away."""
    account = account_of(row, credential)
    return holder(credential.mode, f"{account.get(NUMBER, '')}{account.get(PRODUCT, '')}")
