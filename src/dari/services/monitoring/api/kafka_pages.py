"""Kafka's pages: topics, groups, lag (null is not 0), dead letters as untrusted text, health, details."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query

from dari.services.monitoring.api.shared import Service, app_now, at, clean, seoul
from dari.services.monitoring.diagnosis.derive_kafka import grouped
from dari.services.monitoring.diagnosis.rules_flow import replayable
from dari.services.monitoring.ports import ProbeFailed, Topic
from dari.services.monitoring.probes import kafka_probe
from dari.services.monitoring.probes.look import groups_of
from dari.services.monitoring.reconciliation.topics_check import TOPIC_OF

WARNING: Final = 100
READ_BACK: Final = 500


def pages(service: Service) -> APIRouter:
    """The router of /monitoring/kafka."""
    router = APIRouter(prefix="/monitoring/kafka")
    kafka = service.monitor.ports.kafka

    async def topics() -> dict[str, Topic]:
        return {topic.name: topic for topic in await kafka.topics()}

    async def wanted() -> dict[str, tuple[str, ...]]:
        last = [one for one in service.monitor.history if one.info]
        return groups_of(last[-1].info if last else (await service.monitor.looker.look()).info)

    def counted(topic: Topic) -> dict[str, Any]:
        ends = {f"partition-{part.partition}": part.end for part in topic.partitions}
        known = all(part.end is not None and part.begin is not None for part in topic.partitions)
        total = sum((part.end or 0) - (part.begin or 0) for part in topic.partitions) if known else None
        return {"topic": topic.name, "partitions": len(topic.partitions), "totalMessages": total, "endOffsets": ends}

    @router.get("/topics")
    async def _topics() -> dict[str, Any]:
        found = await topics()
        names = sorted(
            name for name in found if name.startswith("payment.") or name in {"settlement.dlq", "refund.dlq"}
        )
        last = [one for one in service.monitor.history if one.info]
        expected = (
            list((last[-1].info or {}).get("topics", [])) if last else sorted(set(TOPIC_OF.values()) | {"payment.dlq"})
        )
        missing = sorted(set(expected) - set(found))
        return {
            "count": len(names),
            "topics": names,
            "missing": missing,
            "message": f"토픽 {len(names)}개 topics" + (f", 없음 missing: {', '.join(missing)}" if missing else ""),
        }

    @router.get("/topic-stats")
    async def _stats(topic: str | None = None) -> dict[str, Any]:
        found = await topics()
        if topic is not None and topic not in found:
            raise HTTPException(404, f"토픽 없음 no such topic: {clean(topic)}")
        rows = [counted(found[name]) for name in ([topic] if topic else sorted(found))]
        return {"count": len(rows), "topics": rows, "message": f"토픽 {len(rows)}개 topics"}

    @router.get("/consumer-groups")
    async def _groups() -> dict[str, Any]:
        rows = [
            {
                "groupId": one.group,
                "isSimpleConsumerGroup": one.simple,
                "state": one.state,
                "members": len(one.members),
                "clients": sorted({clean(member.client, 80) for member in one.members}),
            }
            for one in sorted(await kafka.groups(), key=lambda group: group.group)
        ]
        return {"count": len(rows), "groups": rows, "message": f"컨슈머 그룹 {len(rows)}개 groups"}

    @router.get("/consumer-lag")
    async def _lag(groupId: Annotated[str, Query(max_length=255)]) -> dict[str, Any]:
        known = await wanted()
        groups = await kafka.groups()
        committed = await kafka_probe.offsets(kafka, [groupId])
        names = sorted({one.group for one in groups} | set(known))
        if groupId not in names and not committed[groupId]:
            raise HTTPException(404, f"그룹 없음 no such group: {clean(groupId)}. 있는 그룹 groups: {', '.join(names)}")
        total, rows = kafka_probe.lag(groupId, known.get(groupId, ()), await topics(), committed)
        waiting = sum(int(row["lag"] or 0) for row in rows)
        state = "unknown" if total is None else "OK" if total == 0 else "WARNING" if total > WARNING else "MINOR_LAG"
        members = kafka_probe.members(groupId, groups, committed[groupId])
        return {
            "groupId": groupId,
            "totalLag": total,
            "lag": total,
            "status": state,
            "members": members,
            "partitions": rows,
            "trend": _trend(service, groupId, known.get(groupId, ())),
            "knownLag": waiting,
            "message": f"Lag {'unknown (never committed)' if total is None else total}, 멤버 members {members}",
        }

    @router.get("/dlq-messages")
    async def _letters(
        topic: str = "payment.dlq",
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
        since: datetime | None = None,
        partition: int | None = None,
        offset: Annotated[int | None, Query(ge=0)] = None,
    ) -> dict[str, Any]:
        since = seoul(since)
        found = (await topics()).get(topic)
        if found is None or topic not in kafka_probe.DEAD_LETTER_TOPICS:
            raise HTTPException(
                404,
                f"not a dead letter topic: {clean(topic)}. {', '.join(kafka_probe.DEAD_LETTER_TOPICS)}",
            )
        letters = []
        for part in found.partitions:
            if (
                part.end is None
                or part.begin is None
                or part.end == part.begin
                or partition not in (None, part.partition)
            ):
                continue
            start = max(part.begin, part.end - READ_BACK) if offset is None else max(part.begin, offset)
            letters += await kafka.messages(topic, part.partition, start, READ_BACK)
        letters = [one for one in letters if since is None or (one.timestamp is not None and one.timestamp >= since)]
        letters.sort(
            key=lambda one: (one.timestamp.timestamp() if one.timestamp else 0.0, one.partition, one.offset),
            reverse=offset is None,
        )
        total = counted(found)["totalMessages"]
        return {
            "topic": topic,
            "count": len(letters[:limit]),
            "total": total,
            "truncated": len(letters) > limit,
            "messages": [
                {
                    "partition": one.partition,
                    "offset": one.offset,
                    "timestamp": at(one.timestamp),
                    "key": clean(one.key or "", 80) or None,
                    "value": clean(one.value),
                    "untrusted_text": clean(one.value, 600),
                }
                for one in letters[:limit]
            ],
            "message": f"{topic}: 전체 {total}건 in all",
        }

    @router.get("/dlq-triage")
    async def _triage(minutes: Annotated[float, Query(gt=0, le=60 * 24 * 30)] = 60) -> dict[str, Any]:
        """Dead letters of a window by errorType and source, with what a replay would meet."""
        from dari.services.monitoring.diagnosis.derive_kafka import letter_row  # noqa: PLC0415 — loaded only when it is needed

        now = service.monitor.clock.now()
        found = await kafka_probe.letters(kafka, (await topics()).values(), now, minutes * 60)
        rows = [
            {**row, "replayable": replayable(row["errorType"])[0], "why": replayable(row["errorType"])[1]}
            for row in grouped([letter_row(one) for one in found])
        ]
        return {"count": len(found), "windowMinutes": minutes, "groups": rows}

    async def letters_in(topic: str) -> dict[str, Any]:
        found = (await topics()).get(topic)
        if found is None:
            raise HTTPException(404, f"토픽 없음 no such topic: {topic}")
        return {"topic": topic, "count": counted(found)["totalMessages"]}

    @router.get("/settlement-dlq-count")
    async def _settlement() -> dict[str, Any]:
        return await letters_in("settlement.dlq")

    @router.get("/refund-dlq-count")
    async def _refund() -> dict[str, Any]:
        return await letters_in("refund.dlq")

    @router.get("/stats")
    async def _totals() -> dict[str, Any]:
        found = await topics()
        known = await wanted()
        committed = await kafka_probe.offsets(kafka, known)
        lags = {group: kafka_probe.lag(group, names, found, committed)[0] for group, names in known.items()}
        rows = {name: counted(topic)["totalMessages"] for name, topic in sorted(found.items())}
        return {
            "totalTopics": len(rows),
            "totalMessages": None if None in rows.values() else sum(value or 0 for value in rows.values()),
            "messagesByTopic": rows,
            "consumerLag": lags,
            "dlq": {name: rows.get(name) for name in kafka_probe.DEAD_LETTER_TOPICS},
        }

    @router.get("/health")
    async def _health() -> dict[str, Any]:
        cluster = await kafka.cluster()
        found = await topics()
        expected = {broker for topic in found.values() for part in topic.partitions for broker in part.replicas}
        absent = sorted(expected - set(cluster.brokers))
        offline = sum(part.leader is None for topic in found.values() for part in topic.partitions)
        few = sum(
            len(part.isr) < int(topic.configs.get("min.insync.replicas", 1))
            for topic in found.values()
            for part in topic.partitions
        )
        return {
            "healthy": not absent and not offline and not few,
            "clusterId": cluster.cluster_id,
            "brokerCount": len(cluster.brokers),
            "brokers": list(cluster.brokers),
            "absentBrokers": absent,
            "offlinePartitions": offline,
            "underMinIsrPartitions": few,
            "message": f"브로커 {len(cluster.brokers)}/{len(expected | set(cluster.brokers))} brokers",
        }

    @router.get("/topic-details")
    async def _details(topic: str) -> dict[str, Any]:
        found = (await topics()).get(topic)
        if found is None:
            raise HTTPException(404, f"토픽 없음 no such topic: {clean(topic)}")
        return {
            "topic": topic,
            "partitionCount": len(found.partitions),
            "configs": dict(found.configs),
            "partitions": [
                {
                    "partition": part.partition,
                    "leader": part.leader,
                    "replicas": list(part.replicas),
                    "isr": list(part.isr),
                    "beginOffset": part.begin,
                    "endOffset": part.end,
                }
                for part in found.partitions
            ],
            "message": f"파티션 {len(found.partitions)}개 partitions",
        }

    @router.get("/conservation")
    async def _conservation() -> dict[str, Any]:
        report = await service.monitor.reconcile(20)
        return {
            "status": report["status"],
            "topics": report.get("conservation"),
            "waitingInConsumers": report.get("waitingInConsumers"),
            "unpublished": report.get("unpublished"),
            "checkedAt": (await app_now(service)).isoformat(),
            "findings": [one for one in report["findings"] if one["invariant"] in {"I12", "I13"}],
            "unknown": report["unknown"],
        }

    return router


def _trend(service: Service, group: str, names: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """What waited for the group in the last ten minutes' samples, a point a minute."""
    rows: list[Mapping[str, Any]] = []
    for one in service.monitor.history:
        if one.topics is None or one.committed is None or group not in one.committed:
            continue
        known = {topic.name: topic for topic in one.topics}
        point = {
            "at": one.at.isoformat(timespec="seconds"),
            "waiting": kafka_probe.waiting(group, names, known, one.committed),
        }
        if rows and datetime.fromisoformat(str(rows[-1]["at"])).minute == one.at.minute:
            rows[-1] = point
        else:
            rows.append(point)
    return rows[-10:]


__all__ = ["ProbeFailed", "pages"]
