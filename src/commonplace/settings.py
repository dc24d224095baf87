"""Everything that can be set, in one typed object, checked as a whole before anything starts.

A setting comes from, first found first taken: AWS Secrets Manager (where a secret is named, and not in development), a
file that `NAME_FILE` points to (as containers hand over secrets), the environment, the file `.env` in
the working directory, the default. Nested names are joined by `__`:
`FILE_STORAGE__TYPE=s3`. Apps bring their own section by their manifests, under their names.

Only `application.py` and `cli.py` read this; everything below is handed its own part.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AliasChoices, BaseModel, Field, SecretStr, ValidationError, create_model, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from commonplace.installed import APPS
from commonplace.platform.app import App, load
from commonplace.platform.database.address import Address, parse_address
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.events.settings import EventsSettings
from commonplace.platform.history.settings import HistorySettings
from commonplace.platform.http.certificate import CertificateUnusable
from commonplace.platform.http.settings import CorsSettings, HttpSettings, LimitsSettings, TlsSettings
from commonplace.platform.identity.settings import JwtSettings, weakness
from commonplace.platform.leaving.settings import LeavingSettings
from commonplace.platform.live.settings import LiveSettings
from commonplace.platform.media.settings import MediaSettings
from commonplace.platform.messages.push_settings import PushSettings
from commonplace.platform.messages.settings import MailSettings
from commonplace.platform.secrets.manager import SecretUnreadable
from commonplace.platform.secrets.settings import SecretsSettings
from commonplace.platform.secrets.source import NAMED_BY, from_manager
from commonplace.platform.sharing.settings import SharingSettings
from commonplace.platform.space.settings import SpaceSettings
from commonplace.platform.storage.settings import StorageSettings
from commonplace.platform.telemetry.settings import TelemetrySettings
from commonplace.setting_names import Known, named_sections_of, section_of, spelled

EXIT_CODE: Final = 78  # EX_CONFIG of sysexits.h
_FILE_SUFFIX: Final = "_FILE"
_VALKEY_ADDRESS: Final = re.compile(r"((valkeys?|rediss?)://[^\s/]+(/\d*)?|unix://\S+)(\?\S*)?")
_SERVICE_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.:_\[\]-]+/?")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with the settings."""

    name: str  #: as the environment spells it
    problem: str  #: what is wrong; never holds a value that could be a secret
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}: {self.problem} {self.remedy}"


class SettingsRefused(Exception):
    """The settings are wrong; `faults` says everything that is, at once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class Settings(BaseSettings):
    """The settings of the platform. `settings_class` adds those of the apps."""

    model_config = SettingsConfigDict(
        env_nested_delimiter="__", env_file=".env", env_file_encoding="utf-8", extra="ignore", case_sensitive=False
    )

    environment: Literal["development", "staging", "production"] = Field(
        default="development",
        description="`production` refuses missing or weak secrets and databases without TLS.",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 for every network.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    data_dir: Path = Field(
        default=Path("data"),
        validation_alias=AliasChoices("COMMONPLACE_DATA_DIR", "data_dir"),
        description="Where the embedded database, objects on local disk, keys and logs are kept.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="`postgresql://user:password@host/name?sslmode=require`, or .NET's `Host=…;SSL Mode=Require`."
        " Left out: a PostgreSQL of Commonplace's own, below COMMONPLACE_DATA_DIR.",
    )
    public_url: str | None = Field(
        default=None, description="How people reach this installation, when a proxy stands before it."
    )
    apps: Annotated[tuple[str, ...], NoDecode] = Field(
        default=APPS, description="The apps to serve, as references to their manifests, separated by commas."
    )
    accounts_url: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Where `serve --apps` without `accounts` asks who is calling: the address of the auth service as"
        " this machine reaches it, such as http://accounts:8000; several, separated by commas, are tried in turn.",
    )
    valkey_url: SecretStr | None = Field(
        default=None,
        description="A Valkey or Redis server that all processes share, `valkey://user:password@host:6379/0` (`valkeys://`"
        " with TLS): it carries wake-ups and counts of requests, which go through PostgreSQL otherwise.",
    )
    auth_provider: Literal["local", "cognito", "both"] = Field(
        default="local",
        description="Who keeps accounts: `local` passwords of this installation, the user pool of the issuer that"
        " ACCOUNTS__ISSUERS__ names as Cognito's, or both. With a pool, its access tokens open every route.",
    )
    encryption_key_id: str | None = Field(
        default=None, description="Another name of FILE_STORAGE__KMS_KEY_ID. Where both are set they are equal."
    )
    web_workers: int | None = Field(
        default=None, ge=1, le=64, description="Web processes; left out: one for each processor, 2 to 4."
    )
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    file_storage: StorageSettings = Field(default_factory=StorageSettings)
    jwt: JwtSettings = Field(default_factory=JwtSettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    limits: LimitsSettings = Field(default_factory=LimitsSettings)
    tls: TlsSettings = Field(default_factory=TlsSettings)
    cors: CorsSettings = Field(default_factory=CorsSettings)
    events: EventsSettings = Field(default_factory=EventsSettings)
    history: HistorySettings = Field(default_factory=HistorySettings)
    leaving: LeavingSettings = Field(default_factory=LeavingSettings)
    space: SpaceSettings = Field(default_factory=SpaceSettings)
    live: LiveSettings = Field(default_factory=LiveSettings)
    media: MediaSettings = Field(default_factory=MediaSettings)
    mail: MailSettings = Field(default_factory=MailSettings)
    push: PushSettings = Field(default_factory=PushSettings)
    secrets: SecretsSettings = Field(default_factory=SecretsSettings)
    sharing: SharingSettings = Field(default_factory=SharingSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)

    @property
    def is_production(self) -> bool:
        """Whether real people depend on it."""
        return self.environment == "production"

    @property
    def database_address(self) -> Address | None:
        """Where the database is; None for the embedded one."""
        return None if self.database_url is None else parse_address(self.database_url.get_secret_value())

    @property
    def scheme(self) -> str:
        """What the server itself speaks: `https` with a certificate, else `http`."""
        return "http" if self.tls.pair is None else "https"

    @property
    def secrets_dir(self) -> Path:
        """Where a laptop keeps the secrets that nobody gave it."""
        return self.data_dir / "secrets"

    def sections(self) -> Iterator[BaseModel]:
        """The sections of the platform and of the apps, each of a class of its own."""
        for name, info in type(self).model_fields.items():
            if section_of(info) is not None:
                yield getattr(self, name)

    @field_validator("accounts_url", mode="after")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_SERVICE_ADDRESS.fullmatch(url) for url in value):
            raise ValueError("is no address of a service: scheme, host and port, such as http://accounts:8000")
        return value

    @field_validator("apps", "accounts_url", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @field_validator("valkey_url", mode="after")
    @classmethod
    def _is_a_valkey(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        if not _VALKEY_ADDRESS.fullmatch(value.get_secret_value()):
            raise ValueError("is no address of a Valkey server, such as valkey://127.0.0.1:6379/0")
        return value

    @field_validator("database_url", mode="after")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        parse_address(value.get_secret_value())
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the framework's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the framework's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment (into which `NAME_FILE` was read), then `.env`."""
        return init_settings, env_settings, dotenv_settings


@cache
def app_named(reference: str) -> App:
    """The manifest behind a reference.

    Raises:
        ImportError: there is none.
    """
    manifest = load(reference)
    if not isinstance(manifest, App):
        raise ImportError(f"{reference} is no App.")  # noqa: TRY004 - one error for a reference that leads nowhere
    return manifest


@cache
def settings_class(apps: tuple[str, ...] = APPS) -> type[Settings]:
    """The platform's settings with a section for each app that has one."""
    sections: dict[str, Any] = {}
    for reference in apps:
        app = app_named(reference)
        if app.settings is not None:
            section: type[BaseModel] = load(app.settings)
            sections[app.name] = (section, Field(default_factory=section))
    return create_model("Settings", __base__=Settings, **sections)


def load_settings(environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")) -> Settings:
    """Read and check all settings; `environ` stands for the process's environment in tests.

    Raises:
        SettingsRefused: something is wrong; every fault is in it.
    """
    environ = os.environ if environ is None else environ
    faults: list[Fault] = []
    kind = settings_class(_apps(environ, env_file, faults))
    read = dict(_from_files(kind, environ, faults))
    named = {f"{name}{_FILE_SUFFIX}" for name in read}  # a section that forbids what it does not know must not see them
    values = {name: value for name, value in environ.items() if name.upper() not in named} | read
    values |= _from_manager(values, env_file, faults)
    faults.extend(_misspelled(kind, values))
    settings: Settings | None = None
    with _as_environment(values):
        try:
            settings = kind(_env_file=env_file)
        except ValidationError as error:
            told = {fault.name for fault in faults}
            faults.extend(fault for fault in _faults_of(kind, error) if fault.name not in told)
        except SettingsError as error:
            faults.append(_not_json(error))
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(".env", f"cannot be read: {error}.", "Make it a readable UTF-8 file, or remove it."))
    if settings is not None:
        settings = _with_environment(settings)
        faults.extend(_contradictions(settings))
        faults.extend(_certificate_faults(settings))
        settings = _with_aliases(settings)
        faults.extend(_production_faults(settings))
    if faults or settings is None:
        raise SettingsRefused(faults)
    return settings


def _apps(values: Mapping[str, str], env_file: Path | None, faults: list[Fault]) -> tuple[str, ...]:
    text = next((value for name, value in values.items() if name.upper() == "APPS"), None)
    if text is None:
        text = _dotenv(env_file).get("APPS")
    references = APPS if text is None else tuple(filter(None, (part.strip() for part in text.split(","))))
    found = []
    for reference in references:
        try:
            app_named(reference)
            found.append(reference)
        except ImportError as error:
            remedy = "Name manifests such as commonplace.apps.files.manifest:app."
            faults.append(Fault("APPS", f"{reference} cannot be loaded: {error}.", remedy))
    return tuple(found)


def _from_files(kind: type[Settings], environ: Mapping[str, str], faults: list[Fault]) -> Iterator[tuple[str, str]]:
    known = Known(kind)
    for name, path in environ.items():
        target = name.upper().removesuffix(_FILE_SUFFIX)
        if name.upper().endswith(_FILE_SUFFIX) and target in known:
            try:
                yield target, Path(path).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                faults.append(Fault(name, f"the file cannot be read: {reason}.", "Name a readable text file."))


def _from_manager(values: Mapping[str, str], env_file: Path | None, faults: list[Fault]) -> Mapping[str, str]:
    try:
        return from_manager(values, _dotenv(env_file))
    except SecretUnreadable as error:
        remedy = "Check its name and region, and that this machine's role may read it (secretsmanager:GetSecretValue)."
        faults.append(Fault(NAMED_BY, f"cannot be read: {error}.", remedy))
        return {}


def _dotenv(env_file: Path | None) -> Mapping[str, str | None]:
    """The variables of `.env`; none where it cannot be read, which is told with all other faults."""
    if env_file is None or not env_file.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - only where there is a file

    try:
        return dotenv_values(env_file)
    except (OSError, UnicodeDecodeError):
        return {}


class _as_environment:  # noqa: N801 - reads as a verb where it is used
    """Stand `values` in the place of the process's environment for a moment; pydantic-settings reads no other."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._before: dict[str, str] = {}

    def __enter__(self) -> None:
        self._before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self._values)

    def __exit__(self, *_exception: object) -> None:
        os.environ.clear()
        os.environ.update(self._before)


def _misspelled(kind: type[Settings], values: Mapping[str, str]) -> Iterator[Fault]:
    """Variables that begin like one of our sections and are none: a setting that would silently not count."""
    known = Known(kind)
    sections = {variable.split("__")[0] for variable in known.spelled if "__" in variable}
    for name in values:
        upper = name.upper()
        if "__" in upper and upper.split("__")[0] in sections and upper.removesuffix(_FILE_SUFFIX) not in known:
            closest = difflib.get_close_matches(upper, known.spelled, n=1)
            remedy = f"Did you mean {closest[0]}?" if closest else "Remove it; .env.example lists every variable."
            yield Fault(name, "there is no such setting.", remedy)


def _faults_of(kind: type[Settings], error: ValidationError) -> Iterator[Fault]:
    for detail in error.errors(include_url=False):
        location = [str(part) for part in detail["loc"]]
        name = "__".join(location).upper().replace("DATA_DIR", "COMMONPLACE_DATA_DIR")
        name = "COMMONPLACE_DATA_DIR" if name.endswith("COMMONPLACE_COMMONPLACE_DATA_DIR") else name
        message = detail["msg"].removeprefix("Value error, ").rstrip(".")
        yield Fault(name, f"{message}; it is {_shape(detail['input'])}.", _remedy(kind, location))


def _not_json(error: SettingsError) -> Fault:
    """A section that was set as a whole, and is not what that has to be."""
    match = re.search(r'field "(\w+)"', str(error))
    name = match[1].upper() if match else "A section"
    return Fault(name, "holds what is no JSON.", f"Set its settings one by one, such as {name}__…; or a JSON object.")


def _shape(value: object) -> str:
    """What a value looks like, without telling it."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None:
        return "not set"
    if isinstance(value, str):
        return "empty" if not value else f"text of {len(value)} characters"
    if isinstance(value, Mapping):
        return f"a section with {len(value)} settings"
    return f"a {type(value).__name__}"


def _remedy(kind: type[BaseModel], location: Sequence[str]) -> str:
    info: FieldInfo | None = None
    section: type[BaseModel] | None = kind
    named: type[BaseModel] | None = None
    for part in location:
        fields = {} if section is None else {spelled(*field): field[1] for field in section.model_fields.items()}
        info = fields.get(part)
        if info is None and named is not None:  # the name of a section among several
            section, named = named, None
            continue
        section = None if info is None else section_of(info)
        named = None if info is None else named_sections_of(info)
    if info is None:
        return "See .env.example."
    choices = get_args(info.annotation) if getattr(info.annotation, "__origin__", None) is Literal else ()
    allowed = f"One of {', '.join(map(str, choices))}. " if choices else ""
    return f"{allowed}{info.description or 'See .env.example.'}"


def _with_environment(settings: Settings) -> Settings:
    """Tell each section that wants to know whether this is production, and who keeps accounts."""
    told = {"is_production": settings.is_production, "auth_provider": settings.auth_provider}
    changed = {
        name: getattr(settings, name).model_copy(update={key: told[key] for key in told if key in section.model_fields})
        for name, info in type(settings).model_fields.items()
        if (section := section_of(info)) is not None
    }
    return settings.model_copy(update=changed)


def _contradictions(settings: Settings) -> Iterator[Fault]:
    accounts = getattr(settings, "accounts", None)
    if settings.auth_provider != "local" and accounts is not None and not accounts.has_pool:
        remedy = "Set ACCOUNTS__ISSUERS__COGNITO__ISSUER and …__CLIENT_ID."
        yield Fault("AUTH_PROVIDER", f"is {settings.auth_provider}, and no issuer is a user pool of Cognito.", remedy)
    key_id = settings.encryption_key_id
    if key_id and settings.file_storage.kms_key_id not in {None, key_id}:
        yield Fault("ENCRYPTION_KEY_ID", "names another key than FILE_STORAGE__KMS_KEY_ID.", "Set one of them.")
    if settings.mail.lacks_sender:
        remedy = "Set who messages are from: Commonplace <cloud@example.org>."
        yield Fault("MAIL__FROM", "is not set, and MAIL__URL names a mail server.", remedy)
    if settings.mail.lacks_boto3:
        remedy = "Install the extra: pip install 'commonplace[aws]'. Or use the SMTP interface of SES: smtps://…"
        yield Fault("MAIL__URL", "names Amazon SES, and boto3 is not installed.", remedy)


def _certificate_faults(settings: Settings) -> Iterator[Fault]:
    tls = settings.tls
    remedy = "Set both to readable PEM files that belong together, or neither."
    if (tls.certificate is None) != (tls.key is None):
        missing = "TLS__KEY" if tls.key is None else "TLS__CERTIFICATE"
        yield Fault(missing, "is not set, and the other one is.", remedy)
    elif tls.pair is not None:
        try:
            tls.pair.check()
        except CertificateUnusable as error:
            yield Fault("TLS__CERTIFICATE", str(error), remedy)


def _with_aliases(settings: Settings) -> Settings:
    """Put what came under another name where it is read; the name is fixed by whoever deploys."""
    if not settings.encryption_key_id:
        return settings
    storage = settings.file_storage.model_copy(update={"kms_key_id": settings.encryption_key_id})
    return settings.model_copy(update={"file_storage": storage})


def _production_faults(settings: Settings) -> Iterator[Fault]:
    if not settings.is_production:
        return
    if settings.database_address is None:
        yield Fault(
            "DATABASE_URL",
            "is not set, and production has its own database.",
            "Set postgresql://user:password@host/name?sslmode=require, or Host=…;SSL Mode=Require.",
        )
    elif not settings.database_address.is_encrypted and not settings.database_address.is_local_socket:
        yield Fault(
            "DATABASE_URL",
            f"its TLS mode is {settings.database_address.sslmode}, and production requires TLS.",
            "Add sslmode=require (or `SSL Mode=Require`), better verify-full.",
        )
    if settings.jwt.secret_key is None:
        yield Fault("JWT__SECRET_KEY", "is not set.", "Set 32 random bytes or more: openssl rand -hex 32.")
    elif (reason := weakness(settings.jwt.secret_key.get_secret_value())) is not None:
        yield Fault("JWT__SECRET_KEY", f"is weak: {reason}.", "Set 32 random bytes or more: openssl rand -hex 32.")
