"""Where secrets are kept besides files and the environment. The environment's names start with `SECRETS__`."""

from pydantic import BaseModel, Field


class SecretsSettings(BaseModel):
    """AWS Secrets Manager. It is asked in production and staging only; development calls nobody."""

    aws_secret_id: str | None = Field(
        default=None,
        description="The name or ARN of a secret in AWS Secrets Manager; several, separated by commas. It holds"
        " variables of this list as a JSON object, or what RDS keeps there (`username`, `password`, …). It"
        " goes before files and the environment.",
    )
    aws_region: str | None = Field(default=None, description="Its region. Left out: as AWS's own settings say.")
    aws_endpoint_url: str | None = Field(
        default=None, description="The address of another service that speaks its protocol, such as LocalStack."
    )
    refresh_seconds: float = Field(
        default=300.0,
        ge=1,
        le=86_400,
        description="How often a running process looks whether the secret was rotated. A password that the database"
        " refuses is looked up anew at once.",
    )

    @property
    def ids(self) -> tuple[str, ...]:
        """The secrets to read, the one that counts most first."""
        return tuple(filter(None, (part.strip() for part in (self.aws_secret_id or "").split(","))))
