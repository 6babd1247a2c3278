"""What the monitoring service answers, as data: one line per page, read when it is first asked for.

Sources, read on 2026-11-20 for facts alone: the controllers of Payment_SWElite's monitoring-service at 222db36 (paths,
parameters, field names), and the pages our own service adds (`dari service monitoring`), marked `added`.
"""

from dari.providers.payments.spec.sheets import SPEC, MonitoringSpec

__all__ = ["SPEC", "MonitoringSpec"]
