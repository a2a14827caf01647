"""Where OpenTelemetry begins: a process with a collector loads its SDK, one without it does not.

Settings are OpenTelemetry's own variables: OTEL_EXPORTER_OTLP_ENDPOINT names the collector, the SDK reads the rest.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError

if TYPE_CHECKING:
    from adapters.traces import Traces

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"


def begin(process: str) -> "Traces | None":
    """Return where a process records its part of traces, None where they are off.

    It starts a thread: to be called after a fork.

    Raises
    ------
    ConfigurationError
        If the collector's address or protocol is none that this sends to.
    """
    if not is_on(os.environ):
        return None
    # Here, so that a process without traces never imports the SDK.
    from adapters.traces import Traces

    return Traces(process)


def is_on(environment: Mapping[str, str]) -> bool:
    """Return whether a collector is named, and OpenTelemetry not switched off; raises as `begin`."""
    endpoint = next(((name, environment[name]) for name in ENDPOINTS if environment.get(name)), None)
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if endpoint is None or off or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    name, address = endpoint
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(f"{name}: expected an address like http://collector:4318, got {address!r}")
    for name in PROTOCOLS:
        if environment.get(name, PROTOCOL) != PROTOCOL:
            raise ConfigurationError(f"{name}: expected {PROTOCOL}, got {environment[name]!r}")
    return True
