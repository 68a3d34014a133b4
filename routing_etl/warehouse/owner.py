"""Whose schema it is: the plant whose batch readers see. Another plant needs a schema of its own.

Models, outcomes, marks and the pointer are one plant's; a second one that published here would retire the batch that the first
one's screens read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from routing_etl.database.engine import translated
from routing_etl.errors import ConfigurationError
from routing_etl.log import get_logger
from routing_etl.settings import Settings
from routing_etl.warehouse.schema import Tables

_log = get_logger(__name__)


@dataclass(frozen=True)
class Owner:
    """Whom a schema belongs to.

    Attributes
    ----------
    company, plant : str
        Codes of the publication that readers see.
    profile : str or None
        Name of the source profile of its run; None where the run is not on record.
    publication_id : int
        That publication.
    since : datetime
        When it was published, UTC.
    """

    company: str
    plant: str
    profile: str | None
    publication_id: int
    since: datetime

    @property
    def text(self) -> str:
        """Company, plant and profile, as `take_over` names them."""
        return "/".join((self.company, self.plant, self.profile or "-"))


def owner_of(engine: Engine, tables: Tables) -> Owner | None:
    """Whom the schema belongs to; None before the first publication.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    tables : Tables
        Ours.
    """
    b, r, pointer = tables.publication.c, tables.batch_run.c, tables.current_publication
    query = sa.select(b.company_code, b.plant_code, r.profile, b.id, b.published_at).select_from(
        pointer.join(tables.publication, b.id == pointer.c.publication_id).outerjoin(
            tables.batch_run, r.run_id == b.run_id
        )
    )
    with translated("warehouse", engine.url), engine.connect() as connection:
        row = connection.execute(query).first()
    return None if row is None else Owner(*row)


def require_owner(engine: Engine, tables: Tables, settings: Settings, profile: str | None = None) -> None:
    """Refuse a schema that belongs to another plant.

    Parameters
    ----------
    engine : Engine
        The warehouse.
    tables : Tables
        Ours.
    settings : Settings
        `company_code`, `plant_code`, and `take_over`.
    profile : str, optional
        Name of the source profile. None: only the codes are compared.

    Raises
    ------
    ConfigurationError
        Company, plant or profile are another's, and `take_over` does not name the owner.
    """
    owner = owner_of(engine, tables)
    if owner is None:
        return
    here = (settings.company_code, settings.plant_code)
    foreign = (owner.company, owner.plant) != here or (
        None not in (profile, owner.profile) and profile != owner.profile
    )
    if not foreign:
        return
    if settings.take_over == owner.text:
        _log.warning("schema_taken_over", owner=owner.text, by="/".join((*here, profile or "-")))
        return
    place = f"Schema {tables.publication.schema}" if tables.publication.schema else "This database"
    mine = f"company {here[0]}, plant {here[1]}" + (f", profile {profile}" if profile else "")
    raise ConfigurationError(
        f"{place} belongs to company {owner.company}, plant {owner.plant}, profile {owner.profile or 'unknown'} (publication "
        f"{owner.publication_id} of {owner.since:%Y-%m-%d}), and these settings are of {mine}; nothing was changed.",
        remedy="Give each plant a schema of its own (docs/runbooks/adding-a-plant.md). The same plant under another name takes over "
        f"with ROUTING_ETL_TAKE_OVER={owner.text}, which counts until it has published.",
    )
