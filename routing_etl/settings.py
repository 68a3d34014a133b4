"""All settings, read once from `ROUTING_ETL_*` variables, `<home>/.env` and `<home>/routing_etl.toml`.

Belongs here: every setting, and the order in which its sources win. Nothing else reads the environment. Does not: which
files are trusted (`settings_files`), targets (`targets`), and how the parts of a connection fit together
(`settings_connection`).
"""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv.parser import parse_stream
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from routing_etl.errors import ConfigurationError
from routing_etl.settings_connection import PARTS, Connection, Side
from routing_etl.settings_files import (
    NAMED_FILE,
    checked,
    config_file,
    own_file,
    require_place,
    settings_file,
)
from routing_etl.targets import CONFIG_FILE, Configuration, read_configuration

#: Values of `authentication` for Microsoft Entra that the ODBC driver accepts.
_ENTRA = r"^ActiveDirectory(Password|Integrated|Interactive|Msi|ManagedIdentity|ServicePrincipal|Default)$"

_PREFIX = "ROUTING_ETL_"
#: Variables with our prefix that are no settings, and who reads them.
NOT_SETTINGS = {
    NAMED_FILE: "the settings: the file that is read instead of <home>/.env",
    "ROUTING_ETL_TEST_MSSQL_URL": "tests: the T-SQL server that they may use",
    "ROUTING_ETL_TEST_SCREENSHOTS": "tests: the folder for pictures of the browser",
}
#: What the plant that this was built for writes into the ERP's tables, and the clock of its ERP; its source profile.
_ONE_PLANTS = (
    "company_code", "plant_code", "word_inhouse", "word_outsourced", "word_minutes", "word_no_unit", "timezone",
)  # fmt: skip
ONE_PLANTS_PROFILE = "bi_views"


class Settings(BaseSettings):
    """The product's configuration. URLs may hold a password, so they are secrets: never log them, use `safe_url`."""

    # utf-8-sig: the editor of Windows begins a file with a byte order mark, which would hide the first setting.
    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_file=None,
        env_file_encoding="utf-8-sig",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )
    _read_from: Path | None = PrivateAttr(None)
    _base: Path | None = PrivateAttr(None)
    _configured: Configuration = PrivateAttr(Configuration())

    home: Path = Field(
        Path(".routing_etl"), description="folder for run files, logs and the embedded databases"
    )
    target: str | None = Field(
        None,
        description="table [target.NAME] of <home>/routing_etl.toml that is read (docs/targets.md); it works in <home>/NAME",
    )
    models: Path | None = Field(None, description="registry root; default: <home>/models")
    erp_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of the ERP; default: SQLite <home>/erp.db"
    )
    warehouse_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of our own tables; default: SQLite <home>/warehouse.db"
    )
    warehouse_schema: str = Field("routing", description="schema of our tables (ignored on SQLite)")
    profile: str = Field("bi_views", description="source profile: a shipped name or the path of a TOML file")

    # --- database -------------------------------------------------------------------------------------------------
    odbc_driver: str | None = Field(
        None, description="ODBC driver name or file; default: the first one found"
    )
    encrypt: Literal["yes", "no", "strict", "mandatory", "optional"] = Field(
        "yes", description="SQL Server: encrypt the connection"
    )
    trust_server_certificate: bool = Field(
        False, description="SQL Server: accept a certificate that cannot be verified (test servers only)"
    )
    erp_server: str | None = Field(None, description="SQL Server of the ERP, instead of erp_url")
    erp_port: int = Field(
        1433, ge=1, le=65535, description="port; not used with a named instance (host\\instance)"
    )
    erp_database: str | None = Field(None, description="database of the ERP")
    erp_user: str | None = Field(None, description="login that only reads the ERP; none: trusted connection")
    erp_password: SecretStr | None = Field(
        None, description="password of that login; better a file, see the next"
    )
    erp_password_file: Path | None = Field(None, description="file that holds the password and nothing else")
    erp_application_intent: Literal["ReadOnly", "ReadWrite"] = Field(
        "ReadOnly",
        description="SQL Server of the ERP: ReadOnly lets an availability group send us to a readable secondary, whose rows"
        " may be late and whose row versions cannot be built on; ReadWrite: the primary",
    )
    erp_authentication: str | None = Field(
        None,
        pattern=_ENTRA,
        examples=["ActiveDirectoryMsi"],
        description="Entra: ActiveDirectoryServicePrincipal, ActiveDirectoryMsi, ...",
    )
    warehouse_server: str | None = Field(
        None, description="SQL Server of our tables, instead of warehouse_url"
    )
    warehouse_port: int = Field(1433, ge=1, le=65535, description="as erp_port")
    warehouse_database: str | None = Field(None, description="database of our tables")
    warehouse_user: str | None = Field(
        None, description="login that only writes our schema; none: trusted connection"
    )
    warehouse_password: SecretStr | None = Field(None, description="as erp_password")
    warehouse_password_file: Path | None = Field(
        None, description="file that holds the password and nothing else"
    )
    warehouse_authentication: str | None = Field(
        None, pattern=_ENTRA, examples=["ActiveDirectoryMsi"], description="as erp_authentication"
    )
    bulk_writer: Literal["auto", "bulkcopy", "arrow", "batch"] = Field(
        "auto", description="how rows reach SQL Server; auto: the fastest that works, logged"
    )
    connect_timeout: int = Field(10, ge=1, le=300, description="seconds to wait for a connection")
    statement_timeout: int = Field(1800, ge=1, le=86400, description="seconds one statement may take")
    lock_timeout: int = Field(15, ge=1, le=600, description="seconds to wait for a database lock")
    pool_size: int = Field(4, ge=1, le=50, description="connections kept open per database")
    fetch_rows: int = Field(100_000, ge=100, le=5_000_000, description="rows per read batch")
    load_rows: int = Field(20_000, ge=100, le=1_000_000, description="rows per write batch")

    # --- what is predicted ----------------------------------------------------------------------------------------
    candidates_per_item: int = Field(4, ge=1, le=10, description="most candidates per item")
    similarity_threshold: float = Field(
        0.8,
        ge=0,
        le=1,
        description="similarity (resemblance of the reference item) from which the tier is HIGH",
    )
    cutoff: str | None = Field(None, description="ISO date: use nothing newer; default: everything")
    test_days: int = Field(
        180,
        ge=1,
        le=3650,
        description="evaluation window: a part of the routings younger than this is held out",
    )
    evidence_per_candidate: int = Field(
        3, ge=0, le=100, description="similar items shown as the evidence for a candidate"
    )
    neighbours: int = Field(24, ge=1, le=1000, description="similar items that the model looks at per item")
    trees: int = Field(50, ge=1, le=1000, description="trees of the forest; more cost time and memory")
    rehearsals: int = Field(
        4,
        ge=0,
        le=20,
        description="with few routed items: parts that are left out in turn to learn how sure the model may be, twice as many "
        "with fewer than 100; below 2: none",
    )
    variance_fits: int = Field(
        5,
        ge=0,
        le=20,
        description="fits of a part of the items by which an evaluation measures the variance between fits; below 2: not measured",
    )
    random_state: int = Field(42, ge=0, description="seed of everything that draws")
    shards: int = Field(1, ge=1, le=512, description="hash shards of items for times, scoring and loading")
    threads: int = Field(
        min(os.cpu_count() or 1, 8),
        ge=1,
        le=256,
        description="threads that learn and predict at once; default: the processors, at most 8",
    )
    side_by_side_items: int = Field(
        20_000,
        ge=0,
        description="train and evaluate in two processes at once up to this many routed items, which doubles the memory;"
        " 0: one after the other",
    )
    memory_check: Literal["refuse", "warn"] = Field(
        "refuse",
        description="a night that the memory limits of process or container leave no chance: end before the work, or warn",
    )
    shard_runs: Literal["single", "many"] = Field(
        "single",
        description="Dagster: all shards in the night's one run, or one run per shard (many machines)",
    )
    dagster_prefix: str = Field(
        "",
        max_length=40,
        pattern=r"^([A-Za-z][A-Za-z0-9_]*)?$",
        description="Dagster: what the names of this plant's assets and of its pool begin with, where several plants share one instance",
    )
    score_batch: int = Field(8192, ge=64, le=200_000, description="items scored at once")

    # --- operation ------------------------------------------------------------------------------------------------
    timezone: str = Field(
        "Asia/Seoul",
        examples=["Europe/Berlin"],
        description="IANA time zone of ERP dates and of the schedule",
    )
    read_window: str = Field(
        "00:00-06:00",
        examples=["22:00-06:00"],
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="local hours in which new items may start a night by themselves, from-to",
    )
    keep_runs: int = Field(3, ge=1, le=1000, description="run folders kept")
    keep_publications: int = Field(
        3,
        ge=2,
        le=1000,
        description="publications kept for rollback however old, current included; each costs what changed",
    )
    keep_publications_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="days for which it can be told what an item was shown: publications that readers saw since then are kept too",
    )
    publish_mode: Literal["pointer", "table"] = Field(
        "pointer", description="pointer: views show the batch; table: routing_flat_table follows it too"
    )
    keep_days: int = Field(
        90, ge=1, le=36500, description="days for which the check results and rejected rows of runs are kept"
    )
    keep_history_years: int = Field(
        5,
        ge=1,
        le=100,
        description="years of runs, versions with their metrics, outcomes, commands and monthly times, all small; decisions stay for ever",
    )
    ignored_weeks: int = Field(
        8,
        ge=1,
        le=520,
        description="weeks after which a proposal that nobody has taken over or rejected counts as ignored",
    )
    keep_models: int = Field(5, ge=2, le=1000, description="model versions kept besides the champion")
    retrain_days: int = Field(
        30, ge=1, le=3650, description="the night trains a new model when the champion is older"
    )
    retrain_after: int = Field(
        7,
        ge=0,
        le=3650,
        description="days for which a refused version is remembered: until then no night trains again, unless settings or data changed",
    )
    retrain_new_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="share by which the routed items must have changed in number since a refusal for a night to train sooner",
    )
    retrain_new_jobs: int = Field(
        3,
        ge=0,
        le=100_000,
        description="items that must have a job which the champion has not learned for a night to train, at most weekly; 0: never",
    )
    promote_least_gain: float = Field(
        0.0,
        ge=0,
        le=1,
        description="exact match that a version of another recipe must gain over the champion's; 0: it must only not be worse",
    )
    promote_segment_loss: float = Field(
        0.05,
        ge=0,
        le=1,
        description="exact match that a version of another recipe may surely lose in a band of part types",
    )
    retrain_drift: float = Field(
        1.0, gt=0, description="drift of the similarity scores (nats) above which a retraining is requested"
    )
    retrain_abstained: float = Field(
        0.8, ge=0, le=1, description="share of abstained items above which a retraining is requested"
    )
    retrain_realised: float = Field(
        0.2, ge=0, le=1, description="share of exact predictions among newly routed items below which it is"
    )
    retrain_wait_hours: float = Field(
        24, ge=1, le=8760, description="cool-down between two requested retrainings"
    )
    standard_tolerance: float = Field(
        0.1,
        ge=0,
        le=1,
        description="share by which a measured time may differ from the ERP's standard unremarked",
    )
    standard_false_share: float = Field(
        0.05,
        gt=0,
        le=0.5,
        description="largest expected share of false alarms among the differences called sure",
    )
    standard_min_orders: int = Field(
        6,
        ge=6,
        le=1000,
        description="fewest orders behind a proposed standard; fewer than 6 have no 95 % interval",
    )
    standard_largest_step: float = Field(
        3.0,
        gt=1,
        le=1000,
        description="largest factor between a proposed standard and the ERP's; what differs more is shown without a proposal",
    )
    failure_webhook: SecretStr | None = Field(
        None,
        description="URL that gets each failed run and each alert as JSON (Teams, Slack, Mattermost ...)",
    )
    failure_email_to: str | None = Field(
        None, description="addresses that get each failed run and each alert, with commas"
    )
    report_email_to: str | None = Field(None, description="addresses that get the weekly report, with commas")
    failure_email_from: str = Field("routing_etl@localhost", description="sender of these e-mails")
    smtp_url: SecretStr | None = Field(
        None, description="mail server: smtp://user:password@host:587, or smtps:// for TLS from the start"
    )
    alert_silent: str = Field(
        "",
        examples=["HIGH_CV, LOW_SAMPLES"],
        pattern=r"^\s*([A-Z_]+\s*(,\s*[A-Z_]+\s*)*)?$",
        description="codes of alerts that nobody is told of, with commas; routing-etl alerts shows them all the same",
    )
    alert_mae: float = Field(
        5.0, gt=0, description="HIGH_MAE: minutes per piece that run times may be off on average"
    )
    alert_critical_mae: float = Field(
        10.0, gt=0, description="HIGH_MAE is critical from so many minutes per piece on"
    )
    alert_trim_mae: float = Field(
        3.5, gt=0, description="HIGH_MAE: minutes per piece for the trimmed mean absolute error"
    )
    alert_process_match: float = Field(
        0.8, ge=0, le=1, description="LOW_PROCESS_MATCH: least share of operations found in order"
    )
    alert_cv: float = Field(
        0.5, gt=0, description="HIGH_CV: largest root mean square error of run times over their mean"
    )
    alert_samples: int = Field(
        3, ge=1, le=100_000, description="LOW_SAMPLES: fewest items and operations to judge a version on"
    )
    alert_acceptance: float = Field(
        0.2,
        ge=0,
        le=1,
        description="LOW_ACCEPTANCE: least share of proposals taken over in the last four weeks; 0: never",
    )
    alert_acceptance_items: int = Field(
        20, ge=1, le=100_000, description="fewest routed items with a proposal on which that share is judged"
    )
    alert_drift: float = Field(
        0.5, gt=0, description="DRIFT: drift of the similarity scores (nats) that is told"
    )
    alert_rejects: float = Field(
        0.05, ge=0, le=1, description="MANY_REJECTS: largest share of the rows read that cleaning may reject"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="lowest level that is written to the log"
    )
    log_to: Literal["file", "stderr"] = Field(
        "file",
        description="where the log goes as JSON lines: <home>/logs/routing_etl.log, or standard error, for containers",
    )
    user: str | None = Field(
        None,
        max_length=128,
        description="person named in decisions on record; default: the login at the system",
    )
    service_user: str = Field("routing_etl", max_length=32, description="name written into audit columns")

    change_warn: float = Field(
        0.1,
        ge=0,
        le=1,
        description="share of rows, codes, values or routings that may be gone since the last run without a warning",
    )
    change_runs: int = Field(
        30,
        ge=0,
        le=365,
        description="last runs that succeeded whose median is compared with too, so that a slow slide is told; 0: only the last one",
    )
    change_stop: float = Field(
        0.3,
        ge=0,
        le=1,
        description="share of rows, routings or published items whose loss stops the night; 1: never, for a night in which it is right",
    )
    status_hours: float = Field(
        36,
        gt=0,
        le=8760,
        description="routing-etl status: hours after which the last success is too long ago",
    )
    sheet_items: int = Field(
        1000,
        ge=0,
        le=20_000,
        description="items on the worklist in <home>/sheets, each with a sheet of about 40 kB: new ones, then the surest; 0: none",
    )
    sheet_language: Literal["en", "ko"] = Field("en", description="language of sheets and worklist")

    # --- words that the ERP expects in our views (docs/erp-contract.md 6.2) ---------------------------------------------
    word_inhouse: str = Field("사내", max_length=16, description="word for operations done in the plant")
    word_outsourced: str = Field("외주", max_length=16, description="word for operations done by a supplier")
    word_minutes: str = Field("분(Min.)", max_length=16, description="word for the unit of set-up times")
    word_no_unit: str = Field("NA", max_length=16, description="word where a time has no unit")
    company_code: str = Field("1000", max_length=20, description="company code in the BOP-shaped views")
    plant_code: str = Field("P100", max_length=20, description="plant code in the BOP-shaped views")
    take_over: str | None = Field(
        None,
        max_length=300,
        examples=["1000/P100/bi_views"],
        description="company/plant/profile of the owner whose schema these settings take over, once: the same plant under another name",
    )

    @property
    def of_another_plant(self) -> tuple[str, ...]:
        """Settings that nobody has set and whose defaults are those of another plant: `bi_views` alone is its ERP."""
        if self.profile == ONE_PLANTS_PROFILE:
            return ()
        return tuple(name for name in _ONE_PLANTS if name not in self.model_fields_set)

    @property
    def silent_alerts(self) -> frozenset[str]:
        """Codes of alerts that nobody is told of."""
        return frozenset(code.strip() for code in self.alert_silent.split(",") if code.strip())

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise ValueError(f"{value!r} is not an IANA time zone such as Asia/Seoul") from exc
        return value

    @field_validator("cutoff")
    @classmethod
    def _a_day(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                date.fromisoformat(value)
            except ValueError as exc:
                raise ValueError(f"{value!r} is not a day such as 2026-01-31") from exc
        return value

    def in_read_window(self, moment: datetime) -> bool:
        """Whether a moment is inside the window. A window that ends before it begins spans midnight."""
        begin, end = self.read_window.split("-")
        clock = moment.astimezone(ZoneInfo(self.timezone)).strftime("%H:%M")
        return begin <= clock < end if begin <= end else clock >= begin or clock < end

    @property
    def read_from(self) -> Path | None:
        """The `.env` file that was read besides the environment; None when there was none."""
        return self._read_from

    @property
    def base_home(self) -> Path:
        """The folder that `ROUTING_ETL_HOME` names; the home, unless a target works in a folder below."""
        return self._base or self.home

    @property
    def configured(self) -> Configuration:
        """What `routing_etl.toml` says for the target in force, also where the environment wins."""
        return self._configured

    @property
    def models_dir(self) -> Path:
        """The registry root."""
        return self.models if self.models is not None else self.home / "models"

    @property
    def log_folder(self) -> Path | None:
        """Folder of the log file; None: the log goes to standard error."""
        return self.home / "logs" if self.log_to == "file" else None

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance: `DAGSTER_HOME` where it is set, as Dagster itself reads it."""
        named = os.environ.get("DAGSTER_HOME")
        return Path(named) if named else self.home / "dagster"

    @property
    def erp(self) -> str:
        """The ERP's URL with its password. For `database.make_engine` only."""
        return self._connection("erp").with_password(self.home / "erp.db")

    @property
    def warehouse(self) -> str:
        """Our tables' URL with its password. For `database.make_engine` only."""
        return self._connection("warehouse").with_password(self.home / "warehouse.db")

    def _connection(self, side: Side) -> Connection:
        return Connection(
            side, **{part: getattr(self, f"{side}_{part}") for part in ("url", "server", *PARTS)}
        )

    def _refuse_parts_without_a_server(self) -> None:
        """Refuse parts of a connection that are set and would be ignored."""
        given = {name for name in self.model_fields_set if getattr(self, name)}
        for side in get_args(Side):
            self._connection(side).refuse_parts_without_a_server(given)

    def output_constants(self) -> dict[str, str]:
        """Words and names shown in the ERP-facing views. They are stored with each publication."""
        return {
            "word_inhouse": self.word_inhouse,
            "word_outsourced": self.word_outsourced,
            "time_unit": self.word_minutes,
            "run_time_unit": self.word_no_unit,
            "service_user": self.service_user,
            "company_code": self.company_code,
            "plant_code": self.plant_code,
        }


def use_target(name: str) -> None:
    """Let a target hold for this process and those that it starts, as `ROUTING_ETL_TARGET` does.

    Parameters
    ----------
    name : str
        Table `[target.NAME]` of `<home>/routing_etl.toml`.
    """
    os.environ[f"{_PREFIX}TARGET"] = name


def _base_home(overrides: Mapping[str, object]) -> Path:
    """The folder in which the files of settings are looked for."""
    default = Settings.model_fields["home"].default
    return Path(str(overrides.get("home") or os.environ.get(f"{_PREFIX}HOME") or default))


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment, `<home>/.env` and `<home>/routing_etl.toml`, with overrides on top.

    The environment wins over `.env`, and `.env` over `routing_etl.toml`, in which a target wins over what is for all.
    `ROUTING_ETL_ENV_FILE` names another file than `<home>/.env`.

    Raises
    ------
    ConfigurationError
        A setting or target is wrong or unknown, a part of a connection lacks its server, others may write a file of
        settings, one was changed while it was read, or the working folder, which is not the home, holds one or was removed.
        Names each variable, its value (unless it is a secret) and what it must be.
    """
    base = _base_home(overrides)
    require_place(base)
    asked = overrides.get("target") or os.environ.get(f"{_PREFIX}TARGET")
    file = config_file(base)
    read = [checked(file)]
    found = read_configuration(file, str(asked) if asked else None, Settings.model_fields)
    at_home = {"home": found.home} if found.home and not overrides.get("home") else {}
    file = (
        own_file(overrides["_env_file"])
        if "_env_file" in overrides
        else settings_file(at_home.get("home", base), os.environ.get(NAMED_FILE))
    )
    read.append(checked(file))
    _refuse_unknown(file)
    given = given_settings(file)
    below = {name: value for name, value in found.values.items() if _PREFIX + name.upper() not in given}
    on_top = {**at_home, **({"target": found.target} if found.target else {}), **overrides}
    try:
        settings = Settings(**{**below, **on_top, "_env_file": file})  # type: ignore[arg-type]
    except ValidationError as exc:
        raise _wrong(exc, {name: where for name, where in found.sources.items() if name in below}) from exc
    for one in read:
        if one is not None:
            one.require_unchanged()
    settings._refuse_parts_without_a_server()
    settings._read_from = file
    settings._base = base
    settings._configured = found
    return settings


def _wrong(error: ValidationError, sources: Mapping[str, str]) -> ConfigurationError:
    """What is wrong with which settings, without their value where that may be a secret; `sources` are those of the file."""
    problems = []
    for problem in error.errors():
        name = ".".join(str(p) for p in problem["loc"])
        secret = any(word in name for word in ("url", "webhook", "password"))
        shown = "" if secret else f" = {problem.get('input')!r}"
        place = f" ({sources[name]})" if name in sources else ""
        problems.append(f"ROUTING_ETL_{name.upper()}{place}{shown}: {problem['msg']}")
    return ConfigurationError(
        f"Wrong setting: {'; '.join(problems)}.",
        remedy=f"Correct the environment variable, the .env file or {CONFIG_FILE}.",
    )


def given_settings(env_file: Path | None) -> dict[str, str]:
    """Where each variable with our prefix is set: its name in capitals, and `environment` or the name of the file.

    The environment wins over the file, as it does in `Settings`. Names that are no settings are included.

    Parameters
    ----------
    env_file : Path or None
        The file beside the environment. None: only the environment.

    Raises
    ------
    ConfigurationError
        The file is not UTF-8 text, or holds a line that cannot be read.
    """
    found: dict[str, str] = {}
    if env_file is not None and env_file.is_file():
        try:
            names = _names_in(env_file)
        except UnicodeDecodeError as exc:
            raise ConfigurationError(
                f"{env_file} is not UTF-8 text ({exc.reason} at byte {exc.start}).",
                remedy="Save it as UTF-8; PowerShell's > and Out-File write UTF-16 unless told -Encoding utf8.",
            ) from exc
        found.update({name.upper(): str(env_file) for name in names})
    found.update({name.upper(): "environment" for name in os.environ})
    return {name: where for name, where in found.items() if name.startswith(_PREFIX)}


def _names_in(env_file: Path) -> list[str]:
    """Names that a file sets. A line that its reader leaves out is an error: its setting would be the default without a word."""
    text = env_file.read_text(encoding="utf-8-sig")
    if "\0" in text:
        raise ConfigurationError(
            f"{env_file} holds NUL characters, so it does not say what was once written.",
            remedy="A power cut leaves such a file: write it again, or restore it from the backup.",
        )
    lines = list(parse_stream(io.StringIO(text)))
    broken = next((line.original.line for line in lines if line.error), None)
    if broken is not None:
        raise ConfigurationError(
            f"{env_file}: line {broken} is no NAME=value.",
            remedy="Correct it; a value in quotation marks ends with one.",
        )
    return [line.key for line in lines if line.key is not None]


def _refuse_unknown(env_file: Path | None) -> None:
    """A misspelt name would leave its setting at the default without a word."""
    known = [_PREFIX + name.upper() for name in Settings.model_fields]
    problems = []
    given = given_settings(env_file)
    if given.get(f"{_PREFIX}TARGET", "environment") != "environment":
        raise ConfigurationError(
            f"{_PREFIX}TARGET stands in {env_file}, which is read when the target is chosen already.",
            remedy=f"Set it in the environment, or write default_target into {CONFIG_FILE}.",
        )
    for name, where in sorted(given.items()):
        if name in known or name in NOT_SETTINGS:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        problems.append(f"{name} ({where}){f', did you mean {near[0]}?' if near else ''}")
    if problems:
        raise ConfigurationError(
            f"Unknown setting: {'; '.join(problems)}{'' if problems[-1].endswith('?') else '.'}",
            remedy="Correct or remove it; routing-etl settings --markdown lists all settings.",
        )


def child_environment(**values: str) -> dict[str, str]:
    """The environment of this process with values on top, for a program that it starts.

    Parameters
    ----------
    **values
        Variables that the program gets besides.
    """
    return {**os.environ, **values}


@lru_cache(maxsize=1)
def default_settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
