"""Spans sent to an OpenTelemetry collector: doors and tools outside, attempts at upstreams inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Status, StatusCode

from dari import __version__
from dari.core.tracing import Hook


def exporter(url: str, *, to: SpanExporter | None = None) -> tuple[Hook, Callable[[], None]]:
    """A hook that exports spans to `url` (or through `to`), and what sends the last of them."""
    provider = TracerProvider(resource=Resource.create({"service.name": "dari", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(to or OTLPSpanExporter(endpoint=url)))
    tracer = provider.get_tracer("dari", __version__)

    @contextmanager
    def hook(name: str, facts: Mapping[str, Any]) -> Iterator[None]:
        attributes = dict(facts)
        with tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR))  # its text may repeat what a caller sent
                span.set_attribute("error.type", type(error).__name__)
                raise

    return hook, provider.shutdown
