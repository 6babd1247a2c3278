"""The key store's pages: rate limits against the live configuration, kept answers, INFO, expiry."""

from __future__ import annotations

import hmac
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import JSONResponse

from dari.services.monitoring.api.shared import Service, clean
from dari.services.monitoring.diagnosis.derive import held_keys
from dari.services.monitoring.ports import Held

SCANNED: Final = 20_000
ACTIONS: Final = ("authorize", "capture", "refund")
SOON: Final = 60


def pages(service: Service) -> APIRouter:
    """The router of /monitoring/redis."""
    router = APIRouter(prefix="/monitoring/redis")
    redis = service.monitor.ports.redis

    async def limits() -> dict[str, Any] | None:
        """Capacities as the platform is configured now; None when it does not say."""
        snapshot = await service.monitor.looker.look()
        return dict((snapshot.info or {}).get("rate_limits") or {}) or None

    def said(action: str, merchant: str, held: Held, configured: dict[str, Any] | None) -> dict[str, Any]:
        count = int(held.value) if held.value and held.value.isdigit() else 0
        limit = (configured or {}).get(action, {}).get("capacity")
        used = None if not limit else round(100 * count / limit, 2)
        state = "unknown" if limit is None else "RATE_LIMITED" if count >= limit else "OK"
        return {
            "merchantId": clean(merchant, 64),
            "action": action,
            "currentCount": count,
            "limit": limit,
            "windowSeconds": (configured or {}).get(action, {}).get("window_seconds"),
            "remaining": None if limit is None else max(0, limit - count),
            "usedPercent": used,
            "ttlSeconds": None if held.ttl == -2 else held.ttl,
            "neverExpires": held.ttl == -1,
            "status": state,
        }

    async def counters() -> tuple[list[dict[str, Any]], bool]:
        names, complete = await redis.keys("rate:*", SCANNED)
        held = await redis.values(names)
        configured = await limits()
        found = [
            said(name.split(":", 2)[1], name.split(":", 2)[2], one, configured)
            for name, one in held.items()
            if one.value is not None
        ]
        return sorted(found, key=lambda row: (-(row["usedPercent"] or 0), row["merchantId"])), complete

    @router.get("/rate-limit")
    async def _limit(merchantId: Annotated[str, Query(max_length=32)], action: str = "authorize") -> dict[str, Any]:
        if action not in ACTIONS:
            raise HTTPException(422, f"action: {', '.join(ACTIONS)}")
        key = f"rate:{action}:{merchantId}"
        row = said(action, merchantId, (await redis.values([key]))[key], await limits())
        row["message"] = (
            f"{row['status']}: {row['currentCount']}/{row['limit']} ({row['usedPercent']} %), {row['ttlSeconds']} s"
        )
        return row

    @router.delete("/rate-limit")
    async def _clear(
        merchantId: Annotated[str, Query(max_length=32)],
        action: str = "authorize",
        expectedCount: int | None = None,
        authorization: Annotated[str, Header()] = "",
    ) -> Any:
        token = service.operator_token
        delete = getattr(redis, "delete", None)
        if token is None or delete is None or not hmac.compare_digest(authorization, f"Bearer {token}"):
            text = "승인된 계획으로만 초기화할 수 있습니다 only an applied plan may clear a counter"
            return JSONResponse({"error": True, "success": False, "code": "not_allowed", "message": text}, 403)
        key = f"rate:{action}:{merchantId}"
        held = (await redis.values([key]))[key]
        if expectedCount is not None and (held.value or "0") != str(expectedCount):
            return JSONResponse(
                {"error": True, "success": False, "code": "precondition", "currentCount": held.value}, 409
            )
        done = await delete(key)
        return {
            "success": True,
            "merchantId": merchantId,
            "action": action,
            "deleted": done,
            "message": f"{key} 초기화됨 cleared",
        }

    @router.get("/rate-limit/all")
    async def _all(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
        found, complete = await counters()
        return {"count": len(found), "rateLimits": found[:limit], "truncated": len(found) > limit or not complete}

    @router.get("/rate-limit/blocked")
    async def _blocked() -> dict[str, Any]:
        found, _ = await counters()
        blocked = [row for row in found if row["status"] == "RATE_LIMITED"]
        rows = [{**row, "count": row["currentCount"], "ttl": row["ttlSeconds"], "isBlocked": True} for row in blocked]
        return {"count": len(rows), "blockedMerchants": rows[:100], "message": f"차단된 가맹점 {len(rows)} blocked"}

    @router.get("/rate-limit/near")
    async def _near(thresholdPercentage: Annotated[float, Query(ge=0, le=100)] = 80) -> dict[str, Any]:
        found, complete = await counters()
        if any(row["limit"] is None for row in found):
            return {
                "count": None,
                "merchants": [],
                "status": "unknown",
                "message": "한도 설정을 읽지 못했습니다 limits are unknown",
            }
        near = [row for row in found if row["usedPercent"] >= thresholdPercentage]
        return {
            "count": len(near),
            "merchants": near[:100],
            "thresholdPercentage": thresholdPercentage,
            "truncated": len(near) > 100 or not complete,
        }

    @router.get("/idempotency")
    async def _idempotency(
        key: Annotated[str, Query(max_length=160)], merchantId: Annotated[str | None, Query(max_length=32)] = None
    ) -> dict[str, Any]:
        """With merchantId the key is the client's; without it every merchant's key of that name is looked for."""
        if merchantId is not None:
            names = [f"idem:authorize:{merchantId}:{key}"]
        elif ":" in key:
            names = [f"idem:authorize:{key}"]
        else:
            safe = "".join("\\" + sign if sign in "*?[]\\" else sign for sign in key)
            names, _ = await redis.keys(f"idem:authorize:*:{safe}", 20)
        held = await redis.values(names)
        found = [(name, one) for name, one in held.items() if one.value is not None]
        rows = await _stored(
            merchantId or (key.split(":", 1)[0] if ":" in key else None),
            key.split(":", 1)[-1] if merchantId is None else key,
        )
        if not found:
            where = "DB에만 있음 only in the database" if rows else "없음 not found"
            return {
                "exists": False,
                "idempotencyKey": key,
                "paymentId": None,
                "ttlSeconds": None,
                "inDatabase": rows,
                "message": where,
            }
        name, one = found[0]
        return {
            "exists": True,
            "idempotencyKey": key,
            "merchantId": name.split(":", 3)[2],
            "paymentId": _payment(one.value or ""),
            "ttlSeconds": one.ttl,
            "matches": len(found),
            "inDatabase": rows,
            "message": f"캐시에 있음 cached, TTL {one.ttl} s",
        }

    async def _stored(merchant: str | None, key: str) -> list[dict[str, Any]]:
        condition = " AND merchant_id = :merchant" if merchant else ""
        bound: dict[str, Any] = {"key": key, **({"merchant": merchant} if merchant else {})}
        found = await service.monitor.ports.database.select(
            f"SELECT merchant_id, payment_id, status FROM payment WHERE idempotency_key = :key{condition} LIMIT 20",  # noqa: S608 — names and integers of ours; every value is bound
            bound,
        )
        return [dict(row) for row in found]

    async def stats() -> dict[str, Any]:
        info = await redis.info()
        rates, rates_all = await redis.keys("rate:*", SCANNED)
        idem, idem_all = await redis.keys("idem:*", SCANNED)
        cached, cached_all = await redis.keys("cache:*", SCANNED)
        hits, misses = int(info.get("keyspace_hits", 0)), int(info.get("keyspace_misses", 0))
        return {
            "rateLimitKeys": len(rates),
            "idempotencyKeys": len(idem),
            "cacheKeys": len(cached),
            "totalKeys": held_keys(info),
            "complete": rates_all and idem_all and cached_all,
            "rateLimitSamples": [clean(name, 80) for name in rates[:5]],
            "usedMemoryBytes": info.get("used_memory"),
            "maxMemoryBytes": info.get("maxmemory"),
            "maxMemoryPolicy": info.get("maxmemory_policy"),
            "hitRatePercent": round(100 * hits / (hits + misses), 2) if hits + misses else None,
            "hits": hits,
            "misses": misses,
            "evictedKeys": info.get("evicted_keys"),
            "expiredKeys": info.get("expired_keys"),
            "uptimeSeconds": info.get("uptime_in_seconds"),
            "connectedClients": info.get("connected_clients"),
            "slowlog": (await redis.slowlog(5)),
            "message": f"키 {held_keys(info)}개 keys",
        }

    @router.get("/cache-stats")
    async def _cache() -> dict[str, Any]:
        return await stats()

    @router.get("/stats")
    async def _stats() -> dict[str, Any]:
        found, _ = await counters()
        return {
            **await stats(),
            "blockedMerchants": [row["merchantId"] for row in found if row["status"] == "RATE_LIMITED"][:100],
        }

    @router.get("/ttl-analysis")
    async def _ttl(soon: Annotated[int, Query(ge=1, le=86_400)] = SOON) -> dict[str, Any]:
        names, complete = await redis.keys("*", SCANNED)
        held = await redis.values(names)
        groups: dict[str, list[int]] = {}
        for name, one in held.items():
            if one.ttl != -2:
                groups.setdefault(name.split(":", 1)[0], []).append(one.ttl)
        analysis = {}
        for prefix, ttls in sorted(groups.items()):
            ending = [ttl for ttl in ttls if ttl >= 0]
            analysis[prefix] = {
                "count": len(ttls),
                "avgTTLSeconds": round(sum(ending) / len(ending), 1) if ending else None,
                "expiringSoon": sum(ttl < soon for ttl in ending),
                "neverExpire": sum(ttl == -1 for ttl in ttls),
                "neverExpiring": [
                    clean(name, 80) for name, one in held.items() if one.ttl == -1 and name.split(":", 1)[0] == prefix
                ][:10],
            }
        return {
            "totalKeys": sum(map(len, groups.values())),
            "analysis": analysis,
            "soonSeconds": soon,
            "complete": complete,
            "message": f"키 {len(held)}개 분석 keys analysed",
        }

    return router


def _payment(text: str) -> int | None:
    import json  # noqa: PLC0415 — loaded only when it is needed

    try:
        return int(json.loads(text)["paymentId"])
    except (ValueError, KeyError, TypeError):
        return None
