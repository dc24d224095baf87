"""What an installation may choose about logs, metrics and traces."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class TelemetrySettings(BaseModel):
    """Logs, metrics and traces."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least serious log lines that are written."
    )
    log_format: Literal["auto", "json", "human"] = Field(
        default="auto",
        description="`json`: one object a line. `human`: for reading on a terminal. "
        "`auto`: `human` on a terminal outside production, else `json`.",
    )
    access_log: Literal["all", "errors", "off"] = Field(
        default="all",
        description="Which requests get a log line when they end: all, those answered with 400 or more, or none.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Bearer token that opens `/metrics` from elsewhere than this machine. Unset: this machine only.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        description="Base address of an OpenTelemetry collector (OTLP over HTTP), such as `http://127.0.0.1:4318`. "
        "`OTEL_EXPORTER_OTLP_ENDPOINT` is honoured too. Unset: no traces are made, at no cost.",
    )
    trace_success_ratio: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of traces without an error that are exported (1 = all). Traces with an error always are.",
    )
    service_name: str = Field(default="commonplace", description="`service.name` in traces and log lines' origin.")
