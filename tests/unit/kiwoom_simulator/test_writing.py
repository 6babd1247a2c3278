from decimal import Decimal

import pytest

from dari.core.endpoint import Field
from dari.providers.kiwoom.simulator.writing import spell
from dari.providers.kiwoom.spec import SPEC


def field(api_id: str, name: str) -> Field:
    return next(one for block in SPEC.endpoint(api_id).blocks for one in block.fields if one.name == name)


@pytest.mark.parametrize(
    ("api_id", "name", "value", "base", "written"),
    [
        # the sign of a price is its direction, not its value
        ("ka10001", "cur_prc", 20_800, 21_000, "-20800"),
        ("ka10001", "cur_prc", 21_200, 21_000, "+21200"),
        ("ka10001", "cur_prc", 21_000, 21_000, "21000"),
        ("ka10001", "high_pric", 0, 21_000, "0"),
        # the sign of a change or rate is its own
        ("ka10001", "pred_pre", -200, 21_000, "-200"),
        ("ka10001", "pred_pre", 200, 21_000, "+200"),
        ("ka10001", "pred_pre", 0, 21_000, "0"),
        ("ka10001", "flu_rt", Decimal("-0.95"), 21_000, "-0.95"),
        ("ka10001", "flu_rt", Decimal("1.5"), 21_000, "+1.50"),
        # units
        ("ka10001", "flo_stk", 5_969_782_550, None, "5969782"),
        ("ka10001", "mac", 414_302_000_000_000, None, "4143020"),
        ("ka10081", "trde_prica", 1_234_567_890, None, "1234"),
        # padding, and a negative padded to one place less
        ("kt00018", "tot_evlt_pl", -196_888, None, "-00000000196888"),
        ("kt00018", "tot_pur_amt", 196_888, None, "000000000196888"),
        ("kt00004", "entr", 10_000_000, None, "000010000000"),
        # two signs, commas, a ceiling of 32 bits
        ("ka10061", "ind_invsr", -23_722_054 * 10**6, None, "--23722054"),
        ("kt00015", "trde_unit", 20_190, None, "20,190"),
        ("ka10003", "acc_trde_prica", 10**12, None, "4294967295"),
        ("ka10003", "acc_trde_prica", 10**9, None, "1000000000"),
        # index levels ×100 without a point, and with one
        ("ka20006", "cur_prc", Decimal("2634.54"), None, "263454"),
        ("ka20001", "cur_prc", Decimal("2634.54"), Decimal("2600.00"), "+2634.54"),
        ("ka10048", "delta", Decimal("-0.523"), None, "-523000"),
        # not given is empty, text is itself
        ("ka10001", "per", None, None, ""),
        ("ka10001", "stk_nm", "삼성전자", None, "삼성전자"),
    ],
)
def test_values_are_written_as_the_facts_say(
    api_id: str, name: str, value: object, base: int | None, written: str
) -> None:
    assert spell(api_id, field(api_id, name), value, None if base is None else Decimal(base)) == written  # type: ignore[arg-type]  # the table mixes kinds of values
