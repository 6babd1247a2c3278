"""The words of the grammar, by kind; what is not here stops a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Words that carry no constraint. A word that would ask another question (몇 건, 합계, how many, average) is not here.
FILLER: Final = """
결제 결제건 결제들 결제내역 결제기록 결제목록 거래 거래건 거래들 거래내역 건 건들 내역 내역들 목록 리스트 기록
기록들 데이터 것 거 것들 것만 걸 건만 보여줘 보여 보여줘요 보여주세요 보여줄래 보여줄래요 보여주라 줘 줘요 주세요
알려줘 알려줘요 알려주세요 알려줄래 찾아줘 찾아줘요 찾아주세요 찾아 찾기 찾아봐 조회 조회해줘 조회해주세요 조회해
조회하기 조회할래 검색 검색해줘 검색해주세요 검색해 뽑아줘 뽑아주세요 추려줘 골라줘 출력 출력해줘 나열 나열해줘
가져와 가져와줘 가져와주세요 보자 볼래 보고싶어 부탁해 부탁해요 부탁합니다 부탁드립니다 부탁드려요
주십시오 주시겠어요 주실래요 줄래 줄래요 확인해 확인해줘 확인해주세요 좀 다 모두 모든 전체 전부 중 중에
중에서 가운데 상태 상태인 상태의 금액 금액이 금액인 결제금액 결제액 결제금액이 발생한 발생했던 발생된 발생 들어온
일어난 있었던 있는 있어 있어요 있나 있나요 있었어 있었나요 있니 생긴 해당하는 해당 뭐 뭐가 뭐야 뭐있어 뭔지 어떤
어떤게 무슨 이루어진 처리 원화 요 show me the a an all any every list find get give fetch display search query
look see please i only just payment payments transaction transactions txn txns record
records entries rows row result results item items that which are is was were have has had been be what
where whose of in on during for with there did do does status statuses state amount amounts amounting worth
valued value made occurred happened created placed data at those these ones
"""

UNITS: Final[Mapping[str, str]] = {
    "second": "초 s sec secs second seconds",
    "minute": "분 m min mins minute minutes",
    "hour": "시간 h hr hrs hour hours",
    "day": "일 일간 d day days",
    "week": "주 주일 주일간 주간 w wk week weeks",
    "month": "개월 개월간 달 달간 month months",
    "year": "년 년간 year years",
}
MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

WORDS: Final[tuple[tuple[str, Any, str], ...]] = (
    # amount
    (
        "CMP",
        "gt",
        "초과 초과하는 초과한 초과인 초과된 넘는 넘은 넘긴 넘었던 넘어가는 "
        "넘고 넘으면서 초과하고 초과이고 초과이면서 > over above exceeding exceeds exceed",
    ),
    (
        "CMP",
        "lt",
        "미만 미만인 미만의 미만이고 미만이면서 못미치는 < under below",
    ),
    ("CMP", "ge", "이상 이상인 이상의 이상이면서 이상이고 이상이며 ≥ >= minimum min 최소 적어도 최소한"),
    (
        "CMP",
        "le",
        "이하 이하인 이하의 이하이면서 이하이고 이하이며 안넘는 안넘은 넘지않는 넘지않은 초과하지않는 "
        "≤ <= maximum max 최대 최대한 많아야",
    ),
    ("BIGGER", "gt", "큰 많은 높은 비싼"),
    ("BIGGER", "lt", "작은 적은 낮은 싼"),
    ("EXACTLY", None, "정확히 정확하게 exactly equal equals = =="),
    ("EACH", None, "짜리 짜리인"),
    ("BAND", None, "대 대의 대인"),
    ("WON", None, "원 won krw ₩ wons"),
    (
        "FOREIGN",
        None,
        "달러 불 usd $ dollar dollars 엔 엔화 jpy ¥ yen 유로 eur € euro euros 위안 위안화 cny "
        "rmb 파운드 gbp £ pounds 센트 cents 외화 바트 동 vnd hkd sgd",
    ),
    ("THAN", None, "보다"),
    ("SCALE", 1000, "thousand"),
    ("SCALE", 1000000, "million"),
    ("SCALE", 1000000000, "billion"),
    ("MERCHANT_WORD", None, "가맹점 머천트 상점 판매자 merchant"),
    ("NTH", None, "번"),
    # links
    ("OR", None, "또는 혹은 or 아니면 이나 거나 이거나 나"),
    ("AND", None, "그리고 및 and 와 과 랑 이랑 & 이고 이면서 이며"),
    ("SLASH", None, "/ | · , ㆍ"),
    ("RANGE", None, "~ - – — ∼ 〜"),
    ("FROM", None, "부터"),
    ("UPTO", None, "까지"),
    ("EOSEO", None, "에서"),
    ("BETWEEN_KO", None, "사이 사이의 사이에 사이인"),
    ("BETWEEN", None, "between"),
    ("TO", None, "to through until till thru"),
    ("SINCE", None, "since"),
    ("AFTER", None, "after"),
    ("BEFORE", None, "before"),
    ("FROM_EN", None, "from starting"),
    ("WITHIN", None, "within"),
    ("BY", None, "by"),  # by merchant X, by amount; left over it would group the answer
    (
        "NOT",
        None,
        "아닌 아니고 아니라 않은 않는 않고 않았던 제외 제외하고 제외한 제외하면 제외해줘 빼고 "
        "뺀 빼줘 말고 외 외에 없는 없이 안 못 미 비 not no non except without excluding "
        "exclude excludes isn't aren't wasn't weren't don't didn't doesn't never neither nor "
        "unless minus != ≠ <> !=",
    ),
    (
        "PART",
        None,
        "은 는 이 가 을 를 의 에 에게 도 만 로 으로 인 이던 씩 들 에는 에만 에서의 이었던 였던 고 동안의 에서만 's",
    ),
    ("PUNCT", None, ". ? ! ( ) \" ' “ ” ‘ ’ [ ] … ; :"),
    # time
    ("DAY", 0, "오늘 금일 당일 today today's"),
    ("DAY", -1, "어제 작일 전일 어저께 yesterday yesterday's"),
    ("DAY", -2, "그제 그저께"),
    ("DAY", -3, "그끄저께 그끄제"),
    ("DAY", 1, "내일 tomorrow"),
    ("NOW", None, "지금 현재 now"),
    ("THIS", 0, "이번 금번 당 this current"),
    ("LAST", -1, "지난 지나간 last 저번"),
    ("ROLL", None, "최근 직전 past"),
    ("PREVIOUS", -1, "previous"),
    ("BEFORELAST", -2, "지지난 저저번"),
    ("PERIOD", ("week", 0), "금주 이번주 요번주"),
    ("PERIOD", ("week", -1), "지난주 저번주"),
    ("PERIOD", ("week", -2), "지지난주 저저번주"),
    ("PERIOD", ("month", 0), "이달 당월 이번달 금월 요번달"),
    ("PERIOD", ("month", -1), "지난달 저번달 전월"),
    ("PERIOD", ("month", -2), "지지난달 저저번달 전전월"),
    ("PERIOD", ("year", 0), "올해 금년 올"),
    ("PERIOD", ("year", -1), "작년 지난해 전년"),
    ("PERIOD", ("year", -2), "재작년"),
    ("PERIOD", ("quarter", 0), "이번분기"),
    ("PERIOD", ("quarter", -1), "지난분기 전분기"),
    ("PERIOD", ("weekend", 0), "이번주말"),
    ("PERIOD", ("weekend", -1), "지난주말"),
    ("QUARTER", None, "분기 quarter"),
    *(("NTH_QUARTER", nth, f"q{nth}") for nth in (1, 2, 3, 4)),
    ("WEEKEND", None, "주말 weekend"),
    ("DURATION", (1, "day"), "하루"),
    ("DURATION", (2, "day"), "이틀"),
    ("DURATION", (3, "day"), "사흘"),
    ("DURATION", (4, "day"), "나흘"),
    ("DURATION", (5, "day"), "닷새"),
    ("DURATION", (10, "day"), "열흘"),
    ("DURATION", (15, "day"), "보름"),
    ("DURATION", (1, "week"), "일주일 일주일간"),
    ("FOR", None, "동안 동안의 간 이내 이내의 이내에 내 내의 내에 사이에"),
    ("AGO", None, "전 전의 전에 ago 이전 이전의 이전에"),
    ("SINCE_KO", None, "이후 이후의 이후에 이후로 이래 후 후에"),
    ("HALF", None, "반"),
    ("AM", None, "오전"),
    ("PM", None, "오후"),
    ("DAYPART", ("am", 1, 6), "새벽"),  # beside an hour only; by themselves they have no agreed ends
    ("DAYPART", ("am", 5, 11), "아침"),
    ("DAYPART", ("pm", 1, 5), "낮"),
    ("DAYPART", ("pm", 5, 11), "저녁"),
    ("DAYPART", ("pm", 7, 11), "밤"),
    ("OCLOCK", None, "시"),
    ("CLOCK", (12, 0), "정오 noon"),
    ("MIDNIGHT", None, "자정 midnight"),
    ("MONTH_KO", None, "월 월달"),
    # order
    ("ORDER", "newest", "최신순 최신순으로 최근순 최근순으로 최신 latest newest recent recently"),
    ("ORDER", "oldest", "오래된순 오래된순으로 과거순 과거순으로 옛날순 oldest earliest 시간순 시간순으로"),
    (
        "ORDER",
        "largest",
        "largest biggest highest 큰순 높은순 많은순 비싼순 큰순으로 높은순으로 많은순으로 금액내림차순",
    ),
    ("ORDER", "smallest", "smallest lowest cheapest 작은순 낮은순 적은순 작은순으로 낮은순으로 금액오름차순"),
    ("MOST", None, "가장 제일 most"),
    ("OLD", None, "오래된 옛날"),
    ("ROW", None, "순 순으로 순서 순서로 순서대로"),
    ("SORT", None, "정렬 정렬해줘 정렬해서 정렬하여 정렬한 sort sorted order ordered"),
    ("DESC", None, "내림차순 내림차순으로 desc descending"),
    ("ASC", None, "오름차순 오름차순으로 asc ascending"),
    ("FIRST", None, "first"),
    ("TOP", None, "상위 top"),
    ("LIMIT", None, "limit"),
    ("COUNT", None, "건 개 건만 개만 건을 개를 건까지 개까지"),
)
"""Kind, value, and the surfaces of it, separated by spaces."""

PHRASES: Final[tuple[tuple[str, Any, str], ...]] = (
    ("CMP", "gt", "more than|greater than|larger than|bigger than|higher than"),
    ("CMP", "lt", "less than|fewer than|smaller than|lower than|cheaper than|못 미치는|안 되는|안되는"),
    (
        "CMP",
        "ge",
        "at least|no less than|not less than|not below|not under|a minimum of|no fewer than|"
        "or more|or above|or over|or higher|or greater|and above|and over|and up|and higher|"
        "or larger|or up|greater than or equal to",
    ),
    (
        "CMP",
        "le",
        "at most|no more than|not more than|not over|not above|not exceeding|up to|"
        "a maximum of|no greater than|not greater than|안 넘는|안 넘은|못 넘는|넘지 않는|"
        "넘지 않은|넘지 못한|초과하지 않는|초과하지 않은|does not exceed|do not exceed|"
        "that doesn't exceed|doesn't exceed|don't exceed|or less|or below|or under|or lower|"
        "and below|and under|or fewer|less than or equal to",
    ),
    ("EXACTLY", None, "equal to"),
    ("DAY", -2, "day before yesterday|the day before yesterday"),
    ("PERIOD", ("week", -2), "week before last"),
    ("PERIOD", ("month", -2), "month before last"),
    ("SOFAR", None, "so far|to date|until now|till now|up to now|지금 까지|현재 까지"),
    (
        "ORDER",
        "newest",
        "most recent|가장 최근|제일 최근|최근 순으로|최신 순으로|최신 순|최근 순|newest first|"
        "latest first|most recent first",
    ),
    (
        "ORDER",
        "oldest",
        "가장 오래된|제일 오래된|오래된 순|오래된 순으로|오래된 순서로|oldest first|earliest first",
    ),
    ("ORDER", "largest", "largest first|biggest first|highest first|most expensive"),
    ("ORDER", "smallest", "smallest first|lowest first|least expensive"),
    ("QUALITY", "request", "진행 중인|진행 중|대기 중인|대기 중|처리 중인|처리 중|요청 중인|요청 중"),
    ("NOT", None, "other than|rather than"),
    (
        "FILL",
        None,
        "look up|can you|could you|can i|could i|i need|i want|we need|"
        "볼 수 있을까요|볼 수 있나요|볼 수 있어|보고 싶어",
    ),
    ("FOREIGN", None, "us dollars"),
    ("UNREAD", None, "may be|may have|may fail|that may|which may"),  # the verb, not the month
)
"""Words that mean something only together, separated by |."""
