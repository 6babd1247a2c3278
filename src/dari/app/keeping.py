"""What `dari setup` does: the way to the keys, what a provider is asked for, and where the answers are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from dari.core.errors import BadSetting, Hint, InvalidInput, MissingExtra
from dari.core.shared_state import private_folder, write_private
from dari.settings import EXAMPLE, IN_KEYRING, SETTINGS

Keep = Literal["keyring", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The way to a provider's keys, step by step, and the settings that are asked for, by mode."""

    title: str
    steps: tuple[Hint, ...]
    asked: Mapping[str, tuple[str, ...]]
    mode: tuple[str, Mapping[str, str]] | None = None
    """The setting that says the mode, with its values by our word."""


WAYS: Final[Mapping[str, Way]] = MappingProxyType(
    {
        "kis": Way(
            title="한국투자증권 KIS Developers",
            steps=(
                Hint(
                    "한국투자증권 계좌를 열고 홈페이지 ID에 연결합니다.", "Open an account and link it to a website ID."
                ),
                Hint(
                    "홈페이지나 앱에서 Open API(KIS Developers)를 신청합니다: https://apiportal.koreainvestment.com",
                    "Apply for the Open API (KIS Developers): https://apiportal.koreainvestment.com",
                ),
                Hint(
                    "모의투자도 쓰려면 모의투자에 따로 참가 신청을 합니다 (계좌번호가 다릅니다).",
                    "For paper trading, enrol in 모의투자 as well: it has an account number of its own.",
                ),
                Hint(
                    "앱키와 시크릿을 실전용, 모의투자용으로 각각 발급받습니다.",
                    "Issue an app key and secret for real, and another pair for paper.",
                ),
            ),
            asked=MappingProxyType(
                {
                    "real": (
                        "KOREA_INVESTMENT_APP_KEY",
                        "KOREA_INVESTMENT_APP_SECRET",
                        "KOREA_INVESTMENT_ACCOUNT",
                        "KOREA_INVESTMENT_HTS_ID",
                    ),
                    "paper": (
                        "KOREA_INVESTMENT_PAPER_APP_KEY",
                        "KOREA_INVESTMENT_PAPER_APP_SECRET",
                        "KOREA_INVESTMENT_PAPER_ACCOUNT",
                    ),
                }
            ),
            mode=("KIS_MODE", MappingProxyType({"real": "real", "paper": "paper"})),
        ),
        "kiwoom": Way(
            title="키움증권 REST API",
            steps=(
                Hint("키움증권 계좌를 열고 홈페이지 ID를 만듭니다.", "Open an account and make a website ID."),
                Hint(
                    "https://openapi.kiwoom.com 에서 REST API 사용을 신청하고 계좌를 고릅니다.",
                    "Apply at https://openapi.kiwoom.com and choose the account.",
                ),
                Hint("이 컴퓨터의 IP를 지정단말기로 등록합니다.", "Register this machine's address there."),
                Hint(
                    "App Key와 Secret Key를 내려받습니다. 모의투자는 신청과 키가 따로입니다.",
                    "Download app key and secret key; mock trading has an application and keys of its own.",
                ),
            ),
            asked=MappingProxyType(dict.fromkeys(("real", "paper"), ("KIWOOM_APP_KEY", "KIWOOM_SECRET_KEY"))),
            mode=("KIWOOM_MODE", MappingProxyType({"real": "real", "paper": "mock"})),
        ),
        "naramarket": Way(
            title="공공데이터포털 data.go.kr (나라장터)",
            steps=(
                Hint("https://www.data.go.kr 에 가입합니다.", "Sign up at https://www.data.go.kr."),
                Hint(
                    "'조달청'의 나라장터 서비스를 찾아 서비스마다 활용신청을 합니다 (예: 입찰공고정보서비스).",
                    "Find the services of 조달청 and apply for each (such as 입찰공고정보서비스).",
                ),
                Hint(
                    "마이페이지에서 일반 인증키를 복사합니다 (Encoding, Decoding 어느 쪽이든).",
                    "Copy the service key from 마이페이지 (Encoding or Decoding, either).",
                ),
                Hint(
                    "승인 직후에는 한 시간쯤 키가 모른다고 나올 수 있습니다.", "A fresh key may be unknown for an hour."
                ),
            ),
            asked=MappingProxyType({"real": ("NARAMARKET_SERVICE_KEY",)}),
        ),
    }
)


def way(provider: str) -> Way:
    """The way to a provider's keys. Raises InvalidInput with the providers there are."""
    if provider not in WAYS:
        names = ", ".join(WAYS)
        raise InvalidInput(f"setup knows {names}, not {provider[:40]!r}", hint=Hint(f"목록: {names}", f"Try {names}"))
    return WAYS[provider]


def fitting(name: str, value: str) -> str:
    """The value without its spaces and quotes. Raises InvalidInput for an example's words or a number of bad form."""
    value = value.strip().strip("\"'“”").strip()
    if EXAMPLE.fullmatch(value):
        raise InvalidInput(f"{name} cannot hold Korean words")
    if "ACCOUNT" in name and value:
        plain = value.replace("-", "")
        if not plain.isdigit() or len(plain) not in {8, 10}:
            raise InvalidInput(f"{name} is 8 digits, or 12345678-01")
    return value


def keep(file: Path, values: Mapping[str, str], how: Keep) -> None:
    """Put values beside what is kept already; secrets into the keyring where that was asked for.

    Raises MissingExtra without dari[keyring], BadSetting where the keyring cannot be used.
    """
    secret = {row.name for row in SETTINGS if row.secret}
    kept = _lines(file)
    for name, value in values.items():
        if not value:
            continue
        if how == "keyring" and name in secret:
            _into_keyring(name, value)
            kept[name] = IN_KEYRING
        else:
            kept[name] = value
    text = "# Written by dari setup; @keyring: the system's keyring has it.\n"
    text += "".join(f"{name}={_quoted(value)}\n" for name, value in kept.items())
    private_folder(file.parent)
    write_private(file, text.encode(), durable=True)


def _lines(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 -- only setup pays for it

    return {name: value or "" for name, value in dotenv_values(file, interpolate=False, encoding="utf-8-sig").items()}


def _quoted(value: str) -> str:
    return value if value.isascii() and not set(value) & set(" #'\"\\$`") else "'" + value.replace("'", "\\'") + "'"


def _into_keyring(name: str, value: str) -> None:
    try:
        import keyring  # noqa: PLC0415 -- an extra
    except ImportError:
        hint = Hint("pip install 'dari[keyring]', 또는 --keep file", "pip install 'dari[keyring]', or --keep file")
        raise MissingExtra("the keyring needs the extra dari[keyring]", hint=hint) from None
    try:
        keyring.set_password("dari", name, value)
    except keyring.errors.KeyringError as error:
        hint = Hint("--keep file 로 0600 파일에 보관하세요.", "Keep it in a 0600 file: --keep file.")
        raise BadSetting(f"no keyring takes it ({type(error).__name__})", hint=hint) from None
