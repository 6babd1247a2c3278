"""A check, and the faults that `dari doctor` knows by name, each with its cure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from dari.core.errors import NO_HINT, Hint

State = Literal["ok", "warning", "wrong", "absent"]

FAULTS: Final[Mapping[str, Hint]] = MappingProxyType(
    {
        # files
        "misplaced_file": Hint(
            "kis_devlp.yaml을 홈 폴더의 KIS/config 아래로 옮기세요 (지금도 읽히지만 다른 프로그램은 못 찾습니다).",
            "Move kis_devlp.yaml to KIS/config in your home folder (it is read here, but other programs miss it).",
        ),
        "file_cp949": Hint(
            "메모장에서 '다른 이름으로 저장' → 인코딩 UTF-8로 다시 저장하세요 (지금은 CP949/ANSI입니다).",
            "Save the file again as UTF-8 (it is CP949/ANSI now); in Notepad: Save as, Encoding.",
        ),
        "file_utf16": Hint(
            "UTF-8로 다시 저장하세요. PowerShell의 > 는 UTF-16으로 씁니다: Out-File -Encoding utf8",
            "Save the file as UTF-8: PowerShell's > wrote UTF-16; use Out-File -Encoding utf8.",
        ),
        "file_mode": Hint(
            "다른 사용자가 키를 읽을 수 있습니다: chmod 600 '{file}'", "Others can read your keys: chmod 600 '{file}'"
        ),
        "yaml_syntax": Hint(
            '{line}번째 줄을 고치세요: `이름: "값"` (콜론 뒤 한 칸, 탭 없음, 따옴표는 짝).',
            'Mend line {line}: `name: "value"` (a space after the colon, no tab, quotes in pairs).',
        ),
        "typographic_quotes": Hint(
            '{line}번째 줄의 둥근 따옴표(“ ”)를 곧은 따옴표(")로 바꾸세요.',
            'Replace the curly quotes of line {line} by straight ones (").',
        ),
        "unknown_name": Hint("{name} 대신 {meant}(이)라고 쓰세요.", "Write {meant} instead of {name}."),
        "example_value": Hint(
            "{name}에 예제 글자가 그대로 있습니다. 발급받은 값을 넣으세요.",
            "{name} still holds the example's words: put your own value there.",
        ),
        "bad_setting": Hint("그 설정 값을 고치세요: {said}", "Correct that setting: {said}"),
        "account_form": Hint(
            "계좌번호는 숫자 8자리, 또는 12345678-01 형식으로 쓰세요.", "Write the account as 8 digits, or 12345678-01."
        ),
        "product_code": Hint(
            "상품코드는 01(종합), 03(국내선물옵션), 08(해외선물옵션), 22(개인연금), 29(퇴직연금) 중 하나입니다.",
            "The product code is one of 01, 03, 08, 22, 29.",
        ),
        # keys
        "half_pair": Hint("{name}도 넣어야 합니다: 키와 시크릿은 한 쌍입니다.", "Set {name} too: the two are a pair."),
        "swapped_pair": Hint(
            "앱키와 시크릿 값을 서로 바꾸세요 (긴 쪽이 시크릿).", "Swap key and secret (the long one is the secret)."
        ),
        "same_pair": Hint(
            "실전과 모의투자는 앱키가 따로입니다. 모의투자 앱키를 따로 발급받아 넣으세요.",
            "Real and paper have key pairs of their own: issue a paper pair and put it into the paper names.",
        ),
        "wrong_key": Hint(
            "앱키가 발급받은 것과 다릅니다. 포털에서 다시 복사하세요 (앞뒤 공백 없이).",
            "The app key is not one that was issued: copy it again from the portal, without spaces.",
        ),
        "wrong_secret": Hint(
            "시크릿이 앱키와 맞지 않습니다. 포털에서 다시 복사하거나 재발급하세요.",
            "The secret does not belong to the key: copy it again from the portal, or issue a new one.",
        ),
        "paper_key_on_real": Hint(
            "모의투자 앱키를 실전 자리에 넣었습니다. KOREA_INVESTMENT_PAPER_APP_KEY(paper_app) 쪽으로 옮기세요.",
            "A paper key stands in the real place: move it to KOREA_INVESTMENT_PAPER_APP_KEY (paper_app).",
        ),
        "real_key_on_paper": Hint(
            "실전 앱키를 모의투자 자리에 넣었습니다. KOREA_INVESTMENT_APP_KEY(my_app) 쪽으로 옮기세요.",
            "A real key stands in the paper place: move it to KOREA_INVESTMENT_APP_KEY (my_app).",
        ),
        "other_mode": Hint(
            "앱키의 투자구분과 KIWOOM_MODE가 다릅니다. KIWOOM_MODE를 바꾸거나 그 모드의 키를 넣으세요.",
            "The key is of the other mode: change KIWOOM_MODE, or put in the key of this one.",
        ),
        "address_not_registered": Hint(
            "openapi.kiwoom.com에서 이 컴퓨터의 IP를 지정단말기로 등록하세요.",
            "Register this machine's address at openapi.kiwoom.com.",
        ),
        "token_too_soon": Hint(
            "토큰은 1분에 한 번만 발급됩니다. 1분 뒤 다시 하세요.", "Tokens are issued once a minute: try in a minute."
        ),
        "old_token": Hint(
            "할 일 없음: 보관한 토큰이 무효라 새로 받았습니다. 계속 반복되면 다른 프로그램이 같은 앱키를 씁니다.",
            "Nothing to do: the kept token was void and was replaced. Often so: another program uses the key.",
        ),
        "service_key_encoded_twice": Hint(
            "인증키가 두 번 인코딩되었습니다(%25). 포털의 키를 그대로 다시 복사하세요.",
            "The service key is encoded twice (%25): copy it again as the portal shows it.",
        ),
        "service_key_unknown": Hint(
            "인증키가 등록되어 있지 않습니다. 그대로 복사했는지, 승인 직후(최대 1시간)인지 확인하세요.",
            "data.go.kr does not know the key: copy it as it is; a fresh approval takes up to an hour.",
        ),
        "service_not_granted": Hint(
            "이 서비스의 활용신청이 필요합니다 (서비스마다 따로).",
            "Apply for this service on data.go.kr (each on its own).",
        ),
        "service_key_expired": Hint("활용기간을 연장하세요.", "The key's period is over: extend it on data.go.kr."),
        "quota_spent": Hint("자정(한국 시각) 이후 다시 하세요.", "Wait for midnight, Korean time."),
        # the way there
        "clock_off": Hint(
            "이 컴퓨터의 시각을 맞추세요 (시간 자동 동기화).", "Set this machine's clock (synchronise it)."
        ),
        "no_network": Hint(
            "인터넷, 방화벽, 프록시를 확인하세요. {host} 로 나가는 HTTPS가 열려 있어야 합니다.",
            "Check internet, firewall and proxy: HTTPS to {host} must be open.",
        ),
        "upstream_down": Hint("상대 서버의 장애입니다. 잠시 뒤 다시 하세요.", "The upstream is in trouble: try later."),
        "untrusted_host": Hint(
            "키를 보내도 되는 곳이면 DARI_TRUSTED_HOSTS에 더하고, 아니면 그 주소 설정을 지우세요.",
            "If your keys may go there, add it to DARI_TRUSTED_HOSTS; otherwise unset the address.",
        ),
        "monitoring_absent": Hint(
            "dari service monitoring 을 켜거나 API_BASE_URL을 고치세요.",
            "Start dari service monitoring, or correct API_BASE_URL.",
        ),
        "port_taken": Hint(
            "{port}번 포트를 이미 다른 프로그램이 씁니다. 끄거나 --port로 다른 번호를 쓰세요.",
            "Something already listens on port {port}: stop it, or choose another with --port.",
        ),
        # the installation
        "python_old": Hint("Python 3.11 이상을 설치하세요.", "Install Python 3.11 or later."),
        "package_changed": Hint(
            "설치된 파일이 바뀌었습니다. 다시 설치하세요: pip install --force-reinstall dari",
            "Installed files were changed: pip install --force-reinstall dari",
        ),
        "package_missing": Hint(
            "가상환경에 필요한 패키지가 없거나 낡았습니다: pip install --upgrade dari ({said})",
            "This environment lacks packages or has old ones: pip install --upgrade dari ({said})",
        ),
        "folder_unwritable": Hint(
            "{file} 에 쓸 수 있게 권한을 고치거나 DARI_HOME을 바꾸세요.", "Make {file} writable, or change DARI_HOME."
        ),
        # clients
        "client_no_file": Hint("dari install {client} {server} 로 등록하세요.", "dari install {client} {server}"),
        "client_syntax": Hint(
            "{file} {line}번째 줄의 JSON을 고치세요 (쉼표, 따옴표, 중괄호).",
            "Mend the JSON of {file} at line {line} (commas, quotes, braces).",
        ),
        "client_no_entry": Hint("dari install {client} {server} 로 등록하세요.", "dari install {client} {server}"),
        "client_no_program": Hint(
            "적힌 프로그램이 없습니다. 다시 쓰세요: dari install {client} {server}",
            "The program is not there any more; write it again: dari install {client} {server}",
        ),
        "client_unknown_server": Hint(
            "그런 이름의 서버가 없습니다: dari install {client} --remove 뒤 다시 등록하세요.",
            "There is no server of that name: remove the entry and install one that dari tools shows.",
        ),
        "client_secret_written": Hint(
            "설정 파일에 {name} 값이 그대로 있습니다. dari setup으로 옮기고 그 줄을 지우세요.",
            "{name} stands in the file as it is: keep it with dari setup, and delete that line.",
        ),
        "client_reference_empty": Hint(
            "클라이언트가 켜질 때 {name} 환경 변수가 있어야 합니다. dari setup으로 저장하면 필요 없습니다.",
            "{name} must be set where the client starts; kept with dari setup, it need not be.",
        ),
        "client_start_failed": Hint(
            "그 명령을 터미널에서 그대로 실행해 보세요: {said}", "Run that very command in a terminal: {said}"
        ),
        "client_logged_error": Hint(
            "클라이언트 기록의 마지막 오류입니다: {file}", "The last error in the client's log: {file}"
        ),
    }
)
"""Fault → cure. Words in braces are filled in by the check that found it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at: what was expected, what was found, and the next step where it is not right.

    `fault` is its stable name in FAULTS, where it has one.
    """

    subject: str
    what: str
    state: State
    found: str
    expected: str = ""
    next_step: Hint = NO_HINT
    fault: str = ""

    def as_dict(self, language: str) -> dict[str, str]:
        """The check as an object; what is empty is left out."""
        told = {"subject": self.subject, "what": self.what, "state": self.state, "found": self.found}
        more = {"expected": self.expected, "fault": self.fault, "next_step": self.next_step.said_in(language)}
        return told | {name: value for name, value in more.items() if value}


def faulty(
    fault: str, *, subject: str, what: str, found: str, expected: str = "", state: State = "wrong", **words: object
) -> Check:
    """A check that found a known fault, with its cure filled in."""
    cure = FAULTS[fault]
    step = Hint(cure.ko.format_map(_Words(words)), cure.en.format_map(_Words(words)))
    return Check(subject=subject, what=what, state=state, found=found, expected=expected, next_step=step, fault=fault)


class _Words(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return name
