"""Spans sent to an OpenTelemetry collector: doors and tools outside, attempts at upstreams inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from dari import __version__
from dari.core.tracing import Hook


def exporter(url: str, *, to: SpanExporter | None = None) -> tuple[Hook, Callable[[], None]]:
    """A hook that exports spans to `url` (or through `to`), and what sends the last of them."""
    provider = TracerProvider(resource=Resource.create({"service.name": "dari", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(to or OTLPSpanExporter(endpoint=url)))
    tracer = provider.get_tracer("dari", __version__)

    def hook(name: str, facts: Mapping[str, Any]) -> AbstractContextManager[Any]:
        return tracer.start_as_current_span(name, attributes=dict(facts), record_exception=False)

    return hook, provider.shutdown
