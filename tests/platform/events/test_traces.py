"""Deliveries as steps of the trace in which their event was told."""

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from commonplace.platform.telemetry.correlation import correlated
from commonplace.platform.telemetry.tracing import Tracing
from tests.platform.telemetry.recorded import Recorded, facts, trace_id

pytestmark = pytest.mark.anyio


@pytest.fixture
def recorded(installation: Any) -> Recorded:
    recorded = Recorded()
    installation.parts.add(recorded.tracing, as_=Tracing)
    return recorded


async def test_a_delivery_continues_the_trace_of_what_told_the_event(
    installation: Any, happened: Any, recorded: Recorded
) -> None:
    async def handle(_event: Any, _context: Any) -> None:
        with recorded.tracing.span("thumbnail"):
            pass

    subscription = installation.subscription(handle, queue="processing")
    installation.start(installation.app(subscription))
    with correlated() as identifier, recorded.tracing.span("POST /", kind="server"):
        await installation.tell(happened(subject="only for the handler"))
    await installation.all_settled()
    assert recorded.names == ["POST /", "thumbnail", "process test.happened"]
    assert {trace_id(span) for span in recorded.spans} == {identifier}
    _, inner, delivery = recorded.spans
    assert delivery.kind is SpanKind.CONSUMER
    assert delivery.context is not None
    assert inner.parent is not None
    assert inner.parent.span_id == delivery.context.span_id
    told = facts(delivery)
    assert told.pop("messaging.message.id")
    assert told == {
        "messaging.system": "commonplace",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "test.happened",
        "messaging.destination.subscription.name": subscription.handler,
        "commonplace.delivery.queue": "processing",
        "commonplace.delivery.attempt": 1,
        "correlation_id": identifier,
    }


async def test_each_attempt_is_a_step_and_failed_ones_say_so(
    installation: Any, happened: Any, recorded: Recorded
) -> None:
    attempts: list[int] = []

    async def handle(_event: Any, context: Any) -> None:
        attempts.append(len(attempts))
        if len(attempts) == 1:
            raise ConnectionError("ana@example.org cannot be reached")

    installation.start(installation.app(installation.subscription(handle)))
    await installation.tell(happened())
    await installation.all_settled()
    first, second = recorded.spans
    assert [facts(span)["commonplace.delivery.attempt"] for span in recorded.spans] == [1, 2]
    assert (first.status.status_code, first.status.description) == (StatusCode.ERROR, "ConnectionError")
    assert second.status.status_code is StatusCode.UNSET
