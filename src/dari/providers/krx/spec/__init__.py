"""What the KRX Open API is, as data: eight services, how it refuses, and what holds for all of them.

Sources, read on 2026-11-20 for facts alone: the exchange's own service pages as public projects carry them over
(krx-rs docs/KRX_API_Spec with its sample files of 2024-01-05; a copy of the manual of 2026-02-04), and notes of live
probes in public client code (2026-03 to 2026-10). `docs/reference/upstreams/krx-open-api.md` has each fact's source.
"""

from dari.providers.krx.spec.sheets import SPEC, KrxSpec, Platform, Refusal, platform, refusals

__all__ = ["SPEC", "KrxSpec", "Platform", "Refusal", "platform", "refusals"]
