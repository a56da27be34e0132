"""One traced service: each message is a request to it, answered with what it would send on.

Without a name for a span the service has none, and passes on what came in.
"""

from ddtrace.propagation.http import HTTPPropagator
from ddtrace.trace import tracer


def handle(request):
    upstream = HTTPPropagator.extract(request.get("headers", {}))
    sent = {}
    if "name" not in request:
        HTTPPropagator.inject(upstream, sent)
        return {"headers": sent}
    tracer.context_provider.activate(upstream)
    with tracer.trace(request["name"], service="python") as span:
        for key, value in request.get("tags", {}).items():
            span.set_tag(key, value)
        for key, value in request.get("baggage", {}).items():
            span.context.set_baggage_item(key, value)
        HTTPPropagator.inject(span, sent)
        read = {
            "trace_id": f"{span.trace_id:032x}",
            "span_id": span.span_id,
            "priority": span.context.sampling_priority,
            "origin": span.context.dd_origin,
            "baggage": span.context.get_all_baggage_items(),
        }
    tracer.context_provider.activate(None)
    tracer.flush()
    return {"headers": sent, "read": read}
