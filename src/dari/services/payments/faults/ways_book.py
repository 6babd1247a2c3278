"""Falsifications of the ledger: the eight of the original's measurement and a dozen that cover their tracks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from dari.services.payments.faults.scene import Scene
from dari.services.payments.names import CASH, RECEIVABLE

Named = tuple[tuple[int, ...], tuple[str, ...]]
Way = Callable[[Scene], Awaitable[Named]]
SELF_ENTRY: Final = 99_999_999


def _entry(number: object) -> str:
    return f"ledger_entry:{number}"


async def _set(scene: Scene, column: str, value: object, *, reversal: bool = False) -> Named:
    """Change one column of one entry and nothing else."""
    victim = scene.refunded if reversal else scene.captured
    row = victim.reversal if reversal else victim.capture
    statement = f"UPDATE ledger_entry SET {column} = :value WHERE entry_id = :id"  # noqa: S608 — own names
    await scene.hands.do(statement, value=value, id=row["entry_id"])
    return (victim.number,), (_entry(row["entry_id"]),)


async def amount_changed(scene: Scene) -> Named:
    """The entry's amount alone."""
    return await _set(scene, "amount", scene.captured.amount + 1000)


async def amount_changed_throughout(scene: Scene) -> Named:
    """Amount, lines, balances and chain: only the payment knows better."""
    named = await _set(scene, "amount", scene.captured.amount + 1000)
    await scene.hands.recompute()
    return named


async def amounts_traded(scene: Scene) -> Named:
    """Two entries trade a thousand won, all sums and the chain stay right."""
    first, second = scene.captured.capture, scene.other.capture
    for row, delta in ((first, 500), (second, -500)):
        await scene.hands.do(
            "UPDATE ledger_entry SET amount = amount + :delta WHERE entry_id = :id", delta=delta, id=row["entry_id"]
        )
    await scene.hands.recompute()
    numbers = (scene.captured.number, scene.other.number)
    return numbers, (_entry(first["entry_id"]), _entry(second["entry_id"]))


async def _delete(scene: Scene, *, reversal: bool) -> Named:
    victim = scene.refunded if reversal else scene.captured
    row = victim.reversal if reversal else victim.capture
    await scene.hands.do("DELETE FROM ledger_line WHERE entry_id = :id", id=row["entry_id"])
    await scene.hands.do("DELETE FROM ledger_entry WHERE entry_id = :id", id=row["entry_id"])
    return (victim.number,), (_entry(row["entry_id"]), f"payment:{victim.number}")


async def row_deleted(scene: Scene) -> Named:
    """A capture's entry and its lines are gone."""
    return await _delete(scene, reversal=False)


async def reversal_missing(scene: Scene) -> Named:
    """A refund's entry and its lines are gone."""
    return await _delete(scene, reversal=True)


async def row_deleted_throughout(scene: Scene) -> Named:
    """A capture's entry is gone, and numbers, chain and balances are made to fit."""
    named = await _delete(scene, reversal=False)
    await scene.hands.recompute()
    return named[0], (f"payment:{scene.captured.number}",)


async def _append(scene: Scene, payment_id: int, debit: str, credit: str, amount: int) -> Named:
    """One more entry at the end of a chain that stays whole."""
    last = (await scene.hands.rows("SELECT * FROM ledger_entry ORDER BY entry_id DESC LIMIT 1"))[0]
    number = last["entry_id"] + 1
    row = {**last, "entry_id": number, "payment_id": payment_id, "event_id": f"x{number}", "amount": amount}
    await scene.hands.insert("ledger_entry", {**row, "debit_account": debit, "credit_account": credit})
    await scene.hands.recompute()
    return (payment_id,), (_entry(number),)


async def posted_twice(scene: Scene) -> Named:
    """A capture is posted again under another event."""
    return await _append(scene, scene.captured.number, RECEIVABLE, CASH, scene.captured.amount)


async def reversed_twice(scene: Scene) -> Named:
    """A refund is posted again under another event."""
    return await _append(scene, scene.refunded.number, CASH, RECEIVABLE, scene.refunded.amount)


async def reversal_without_refund(scene: Scene) -> Named:
    """A captured payment that nobody refunded is reversed."""
    return await _append(scene, scene.captured.number, CASH, RECEIVABLE, scene.captured.amount)


async def self_entry(scene: Scene) -> Named:
    """99,999,999 won from cash to cash."""
    return await _append(scene, scene.captured.number, CASH, CASH, SELF_ENTRY)


async def orphan_entry(scene: Scene) -> Named:
    """An entry of a payment that does not exist."""
    return await _append(scene, 987_654_321, RECEIVABLE, CASH, 10_000)


async def sides_swapped(scene: Scene) -> Named:
    """Debit and credit of an entry trade places."""
    named = await _set(scene, "debit_account", CASH)
    await _set(scene, "credit_account", RECEIVABLE)
    return named


async def account_redirected(scene: Scene) -> Named:
    """The money comes from another account."""
    return await _set(scene, "credit_account", "suspense")


async def account_redirected_throughout(scene: Scene) -> Named:
    """The same, with lines, balances and chain made to fit."""
    named = await _set(scene, "credit_account", "suspense")
    await scene.hands.recompute()
    return named


async def moved_to_another_payment(scene: Scene) -> Named:
    """An entry is hung on another payment."""
    named = await _set(scene, "payment_id", scene.other.number)
    return (*named[0], scene.other.number), named[1]


async def backdated(scene: Scene) -> Named:
    """An entry is said to have happened a day earlier."""
    return await _set(scene, "occurred_at", "2026-03-01 00:00:00.000000")


async def currency_changed(scene: Scene) -> Named:
    """An entry of won becomes one of dollars."""
    return await _set(scene, "currency", "USD")


async def line_changed(scene: Scene) -> Named:
    """One side of an entry grows."""
    number = scene.captured.capture["entry_id"]
    await scene.hands.do("UPDATE ledger_line SET amount = amount + 7 WHERE entry_id = :id AND amount > 0", id=number)
    return (scene.captured.number,), (_entry(number),)


async def line_deleted(scene: Scene) -> Named:
    """One side of an entry is gone."""
    number = scene.captured.capture["entry_id"]
    await scene.hands.do("DELETE FROM ledger_line WHERE entry_id = :id AND amount < 0", id=number)
    return (scene.captured.number,), (_entry(number),)


async def balance_changed(scene: Scene) -> Named:
    """The kept balance of an account drifts from its lines."""
    await scene.hands.do("UPDATE ledger_account SET balance = balance + 1 WHERE account = :a", a=CASH)
    return (), (f"ledger_account:{CASH}",)


async def hash_changed(scene: Scene) -> Named:
    """One link of the chain is another."""
    return await _set(scene, "entry_hash", "f" * 64)


async def _cut_tail(scene: Scene, *, rewind: bool) -> Named:
    last = (await scene.hands.rows("SELECT * FROM ledger_entry ORDER BY entry_id DESC LIMIT 1"))[0]
    await scene.hands.do("DELETE FROM ledger_line WHERE entry_id = :id", id=last["entry_id"])
    await scene.hands.do("DELETE FROM ledger_entry WHERE entry_id = :id", id=last["entry_id"])
    if rewind:
        await scene.hands.recompute()
    return (last["payment_id"],), (_entry(last["entry_id"]), f"payment:{last['payment_id']}", "ledger_head:1")


async def tail_cut(scene: Scene) -> Named:
    """The last entry is gone; the head still knows it."""
    return await _cut_tail(scene, rewind=False)


async def tail_cut_and_head_rewound(scene: Scene) -> Named:
    """The last entry is gone and the head says so too."""
    return await _cut_tail(scene, rewind=True)


async def ledger_deleted(scene: Scene) -> Named:
    """Nothing is left of the book."""
    rows = await scene.hands.rows("SELECT DISTINCT payment_id FROM ledger_entry ORDER BY payment_id")
    for table in ("ledger_line", "ledger_entry", "ledger_account", "ledger_head"):
        await scene.hands.do(f"DELETE FROM {table}")  # noqa: S608 — own names
    numbers = tuple(row["payment_id"] for row in rows)
    return numbers, tuple(f"payment:{number}" for number in numbers)


LEDGER_WAYS: Final[dict[str, Way]] = {
    f"ledger {way.__name__}": way
    for way in (
        amount_changed,
        amount_changed_throughout,
        amounts_traded,
        row_deleted,
        reversal_missing,
        row_deleted_throughout,
        posted_twice,
        reversed_twice,
        reversal_without_refund,
        self_entry,
        orphan_entry,
        sides_swapped,
        account_redirected,
        account_redirected_throughout,
        moved_to_another_payment,
        backdated,
        currency_changed,
        line_changed,
        line_deleted,
        balance_changed,
        hash_changed,
        tail_cut,
        tail_cut_and_head_rewound,
        ledger_deleted,
    )
}
