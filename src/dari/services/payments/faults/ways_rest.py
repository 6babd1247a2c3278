"""Falsifications of payments, outbox, topics, settlement, refunds and the rows around them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from dari.services.payments.faults.scene import Scene
from dari.services.payments.faults.surgery import cut_record
from dari.services.payments.faults.ways_book import Named, Way
from dari.services.payments.names import CAPTURED_TOPIC
from dari.services.payments.ports import Message

CAPTURED: Final = "PAYMENT_CAPTURED"
AUTHORIZED: Final = "PAYMENT_AUTHORIZED"


async def _payment(scene: Scene, column: str, value: object, *, refunded: bool = False) -> Named:
    victim = scene.refunded if refunded else scene.captured
    statement = f"UPDATE payment SET {column} = :value WHERE payment_id = :id"  # noqa: S608 — own names
    await scene.hands.do(statement, value=value, id=victim.number)
    return (victim.number,), (f"payment:{victim.number}",)


async def payment_amount(scene: Scene) -> Named:
    """A payment is said to have been larger."""
    return await _payment(scene, "amount", scene.captured.amount + 1000)


async def payment_uncaptured(scene: Scene) -> Named:
    """A captured payment is said to have failed."""
    return await _payment(scene, "status", "CAPTURE_FAILED")


async def payment_unrefunded(scene: Scene) -> Named:
    """A refunded payment is said to be captured still."""
    return await _payment(scene, "status", "CAPTURED", refunded=True)


async def payment_refunded_by_hand(scene: Scene) -> Named:
    """A captured payment is said to be refunded."""
    return await _payment(scene, "status", "REFUNDED")


async def payment_deleted(scene: Scene) -> Named:
    """The payment's row is gone, the rest stays."""
    number = scene.captured.number
    await scene.hands.do("DELETE FROM payment WHERE payment_id = :id", id=number)
    return (number,), (f"payment:{number}", f"ledger_entry:{scene.captured.capture['entry_id']}")


async def history_deleted(scene: Scene) -> Named:
    """Nothing says how the payment came to be captured."""
    number = scene.captured.number
    await scene.hands.do("DELETE FROM payment_history WHERE payment_id = :id AND to_status = 'CAPTURED'", id=number)
    return (number,), (f"payment:{number}",)


async def history_rewritten(scene: Scene) -> Named:
    """The payment is said to have jumped from READY to CAPTURED."""
    number = scene.captured.number
    query = "SELECT history_id FROM payment_history WHERE payment_id = :id AND to_status = 'CAPTURED'"
    row = (await scene.hands.rows(query, id=number))[0]
    await scene.hands.do(
        "UPDATE payment_history SET from_status = 'READY' WHERE history_id = :id",
        id=row["history_id"],
    )
    return (number,), (f"payment_history:{row['history_id']}", f"payment:{number}")


async def outbox_deleted(scene: Scene) -> Named:
    """A sent event is gone from the outbox."""
    event = scene.captured.events[CAPTURED]["event_id"]
    await scene.hands.do("DELETE FROM outbox_event WHERE event_id = :id", id=event)
    return (scene.captured.number,), (f"outbox_event:{event}", f"{CAPTURED_TOPIC}:{event}")


async def outbox_amount(scene: Scene) -> Named:
    """The outbox and the topic disagree about an event."""
    event = scene.captured.events[CAPTURED]
    body = json.loads(event["payload"]) | {"amount": scene.captured.amount + 1}
    await scene.hands.do(
        "UPDATE outbox_event SET payload = :body WHERE event_id = :id", body=json.dumps(body), id=event["event_id"]
    )
    return (scene.captured.number,), (f"outbox_event:{event['event_id']}",)


async def outbox_phantom(scene: Scene) -> Named:
    """A second capture event, said to be published, that never was."""
    row = {key: value for key, value in scene.captured.events[CAPTURED].items() if key != "event_id"}
    await scene.hands.insert("outbox_event", row)
    made = (await scene.hands.rows("SELECT MAX(event_id) AS id FROM outbox_event"))[0]["id"]
    return (scene.captured.number,), (f"outbox_event:{made}",)


async def outbox_retyped(scene: Scene) -> Named:
    """A capture event becomes a refund event."""
    event = scene.captured.events[CAPTURED]["event_id"]
    await scene.hands.do("UPDATE outbox_event SET event_type = 'PAYMENT_REFUNDED' WHERE event_id = :id", id=event)
    return (scene.captured.number,), (f"outbox_event:{event}", f"{CAPTURED_TOPIC}:{event}")


async def topic_record_lost(scene: Scene) -> Named:
    """Published, says the outbox; the topic never had it."""
    event = str(scene.captured.events[AUTHORIZED]["event_id"])
    cut_record(scene.sandbox.log, "payment.authorized", event)
    return (scene.captured.number,), (f"outbox_event:{event}",)


async def topic_record_forged(scene: Scene) -> Named:
    """A record that no outbox row stands behind."""
    log, number = scene.sandbox.log, scene.captured.number
    body = json.dumps({"paymentId": number, "status": "AUTHORIZED", "amount": scene.captured.amount})
    message = Message("payment.authorized", body, str(number), {"eventId": "77777777"})
    log.append(message, log.place_of(log.topics["payment.authorized"], str(number)))
    return (number,), ("payment.authorized:77777777",)


async def topic_record_changed(scene: Scene) -> Named:
    """A record's amount is not the one that was sent."""
    event = str(scene.captured.events[CAPTURED]["event_id"])
    for partition in scene.sandbox.log.topics[CAPTURED_TOPIC].partitions:
        for at, record in enumerate(partition.records):
            if record.headers.get("eventId") == event:
                body = json.loads(record.value) | {"amount": scene.captured.amount * 2}
                partition.records[at] = replace(record, value=json.dumps(body))
    return (scene.captured.number,), (f"{CAPTURED_TOPIC}:{event}", f"outbox_event:{event}")


async def _request(scene: Scene, table: str, change: str, *, refund: bool = False) -> Named:
    victim = scene.refunded if refund else scene.captured
    row = victim.refund if refund else victim.settlement
    verb = f"DELETE FROM {table}" if change == "DELETE" else f"UPDATE {table} SET {change}"  # noqa: S608 — own names
    await scene.hands.do(f"{verb} WHERE id = :id", id=row["id"])
    return (victim.number,), (f"{table}:{row['id']}", f"payment:{victim.number}")


async def settlement_amount(scene: Scene) -> Named:
    """More was settled than paid."""
    return await _request(scene, "settlement_request", "request_amount = request_amount + 1")


async def settlement_failed(scene: Scene) -> Named:
    """A settlement that went well is said to have failed."""
    return await _request(scene, "settlement_request", "status = 'FAILED', retry_count = 10")


async def settlement_deleted(scene: Scene) -> Named:
    """No settlement stands behind a capture."""
    return await _request(scene, "settlement_request", "DELETE")


async def refund_amount(scene: Scene) -> Named:
    """More was refunded than paid."""
    return await _request(scene, "refund_request", "refund_amount = refund_amount + 1", refund=True)


async def refund_deleted(scene: Scene) -> Named:
    """No refund stands behind a reversal."""
    return await _request(scene, "refund_request", "DELETE", refund=True)


async def inbox_deleted(scene: Scene) -> Named:
    """The consumer does not know the event it posted: a redelivery would post it again."""
    event = str(scene.captured.events[CAPTURED]["event_id"])
    statement = "DELETE FROM consumer_inbox WHERE consumer_group = 'payment-consumer' AND event_key = :key"
    await scene.hands.do(statement, key=event)
    entry = scene.captured.capture["entry_id"]
    return (scene.captured.number,), (f"consumer_inbox:{event}", f"ledger_entry:{entry}", f"{CAPTURED_TOPIC}:{event}")


OTHER_WAYS: Final[dict[str, Way]] = {
    f"{way.__name__.split('_')[0]} {way.__name__}": way
    for way in (
        payment_amount,
        payment_uncaptured,
        payment_unrefunded,
        payment_refunded_by_hand,
        payment_deleted,
        history_deleted,
        history_rewritten,
        outbox_deleted,
        outbox_amount,
        outbox_phantom,
        outbox_retyped,
        topic_record_lost,
        topic_record_forged,
        topic_record_changed,
        settlement_amount,
        settlement_failed,
        settlement_deleted,
        refund_amount,
        refund_deleted,
        inbox_deleted,
    )
}
