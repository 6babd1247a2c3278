"""Who sends orders to KIS: describes what is sent, checks again, sends once, finds it in the order lists."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from dari.core.acts import Act, Acting
from dari.core.errors import Hint, Malformed, PlanRefused
from dari.providers.kis.models.orders import Order, order, same
from dari.providers.kis.models.tables import parts
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.checks import stands
from dari.providers.kis.tools.trade.ledger import orders

NAME: Final = "kis.order"
SIDES: Final = {"buy": "BUY 매수", "sell": "SELL 매도"}
SHOWN: Final = frozenset({"CANO", "ACNT_PRDT_CD", "tr_id"})


class OrderHand:
    """Does new orders, amendments and cancellations of every product."""

    name = NAME

    def describe(self, act: Act) -> str:
        """The order in words, then each parameter that is sent, with what its code means."""
        row = SPEC.endpoint(act.sent["endpoint"])
        sent: Mapping[str, str] = act.sent["parameters"]
        said = []
        codes = {one.name: one.codes for one in row.parameters}
        for name, value in sent.items():
            if name not in SHOWN and value:
                meaning = codes.get(name, {}).get(value)
                said.append(f"{name}={value}" + (f" ({meaning})" if meaning else ""))
        tr_id = sent.get("tr_id") or row.codes[act.sent["mode"]]
        label = next((one["label"] for one in row.wire["variants"] if tr_id in {one["real"], one.get("paper")}), "")
        return f"{row.title} [{' '.join(filter(None, (label, str(tr_id))))}] {', '.join(said)}"

    async def recheck(self, act: Act, upstream: Acting) -> Mapping[str, Any]:
        """Account, market and the order to change must be as they were planned on. Raises PlanRefused("changed")."""
        holder = upstream.holder(act.sent["endpoint"])
        if (holder.mode, holder.name) != (act.sent["mode"], act.holder.name):
            raise changed("the account or the mode is another now")
        await stands(act.facts, upstream)
        day = f"{upstream.now():%Y%m%d}"
        seen = await self._listed(act, day, upstream)
        if act.facts["does"] != "new":
            self._still_open(act, seen)
        return {"day": day, "seen": [same(one.number) for one in seen], "was": _state(act, seen)}

    async def execute(self, act: Act, upstream: Acting) -> Mapping[str, Any]:
        """Send it. Raises Malformed where the reply names no order: whether it was taken is then looked up."""
        row = SPEC.endpoint(act.sent["endpoint"])
        reply = await upstream.ask(row.id, act.sent["parameters"], mode=act.sent["mode"])
        for part in parts(row, reply.body):
            for one in part.rows:
                lowered = {name.lower(): value for name, value in one.items()}
                read = order(lowered)
                if same(read.number):
                    return {
                        "order_number": read.number,
                        "branch": str(lowered.get("krx_fwdg_ord_orgno") or read.branch),
                        "time": read.time,
                        "status": "accepted",
                    }
                if str(lowered.get("nrml_prcs_yn", "")).strip().upper() == "Y":
                    return {"order_number": str(act.facts["original"]), "status": "accepted"}
        raise Malformed("KIS took the order and named no number")

    async def look_up(self, act: Act, before: Mapping[str, Any], upstream: Acting) -> Mapping[str, Any] | None:
        """The order as the lists tell it now: by its number where that is known, else what was not there before."""
        listed = await self._listed(act, str(before["day"]), upstream)
        receipt = before.get("receipt") or {}
        number = same(str(receipt.get("order_number", "")))
        if number:
            return next((one.told() for one in listed if same(one.number) == number), None)
        if act.facts["product"].endswith("reservation") and act.facts["does"] != "new":
            now = _state(act, listed)
            return now if now != before["was"] else None
        seen = set(before["seen"])
        return next((one.told() for one in listed if same(one.number) not in seen and _is(one, act.facts)), None)

    async def _listed(self, act: Act, first: str, upstream: Acting) -> list[Order]:
        last = f"{upstream.now():%Y%m%d}"
        return await orders(upstream, act.facts["product"], first, last, (act.facts["venue"] or "KRX",))

    @staticmethod
    def _still_open(act: Act, seen: list[Order]) -> None:
        found = next((one for one in seen if same(one.number) == same(act.facts["original"])), None)
        if found is None or found.cancelled:
            raise changed("the order to change is not open any more")
        if found.left is not None and found.left < Decimal(str(act.facts["quantity"])):
            raise changed(f"only {found.left} of the order to change are left")


def changed(why: str) -> PlanRefused:
    """What the plan stood on is not so any more."""
    return PlanRefused(why, reason="changed", hint=Hint("새로 계획하세요.", "Make a new plan."))


def _is(one: Order, facts: Mapping[str, Any]) -> bool:
    """Whether a listed order is the one of these facts."""
    if facts["does"] != "new":
        return same(one.original) == same(facts["original"])
    price = None if facts["price"] is None else Decimal(facts["price"])
    return (
        not one.original
        and one.symbol == facts["symbol"]
        and one.side == facts["side"]
        and one.quantity == Decimal(str(facts["quantity"]))
        and (price is None or one.price is None or one.price == price)
    )


def _state(act: Act, listed: list[Order]) -> dict[str, Any] | None:
    """How a reserved order to change stands."""
    wanted = same(str(act.facts["original"] or ""))
    return next((one.told() for one in listed if wanted and same(one.number) == wanted), None)
