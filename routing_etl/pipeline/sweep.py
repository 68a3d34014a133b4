"""After a crash: what killed processes have left is found at the start of the next night and removed, and it says what.

Unfinished loads are removed by the next load or purge (`warehouse/purge.py`), since they are told by their publication.
"""

from __future__ import annotations

from dataclasses import dataclass

from routing_etl.log import get_logger
from routing_etl.pipeline.champion import repair_decision
from routing_etl.pipeline.context import Context
from routing_etl.runs import Report, list_runs, shards_at_work, sweep_runs

log = get_logger(__name__)


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Attributes
    ----------
    run_folders : tuple of str
        Run folders that were never begun properly or half removed, removed.
    files : tuple of str
        Unfinished files of other runs, below `runs/`, removed.
    model_versions : tuple of str
        Half-saved or half-removed model versions, removed.
    died : tuple of str
        Runs that were on record as running and now are as failed.
    champion : str or None
        How the database's active version was repaired, in a sentence.
    """

    run_folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    model_versions: tuple[str, ...] = ()
    died: tuple[str, ...] = ()
    champion: str | None = None

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was done, for people; empty when there was nothing."""
        counted = (
            (self.died, "ended without closing its record and is marked as failed"),
            (self.run_folders, "was an unfinished run folder and was removed"),
            (self.files, "was an unfinished file and was removed"),
            (self.model_versions, "was a half-saved model version and was removed"),
        )
        found = [
            f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''} {what}"
            for names, what in counted
            if names
        ]
        return (*found, *((self.champion,) if self.champion else ()))


#: What the sweep at the start of a run found; there is no such file when it found nothing.
SWEPT = Report("swept", lambda: Swept, "run")


def sweep(ctx: Context) -> Swept:
    """Remove litter, close the records of dead runs, and let the database's active version follow the champion.

    The caller holds the run lock. While shards of another night are at work, the files of runs are left alone.

    Parameters
    ----------
    ctx : Context
        Settings, and the run that begins.

    Returns
    -------
    Swept
        What was found. It is in the log too, and in the run's reports.

    Raises
    ------
    RoutingEtlError
        The warehouse cannot be reached, or the registry is locked or broken.
    """
    from routing_etl.warehouse.model_records import ModelRecords
    from routing_etl.warehouse.run_records import RunRecords

    home, who = ctx.settings.home, ctx.settings.service_user
    busy = shards_at_work(home)
    folders, files = ([], []) if busy else sweep_runs(home)
    saved = ctx.registry.sweep()
    with ctx.warehouse() as engine:
        ours = set() if busy else {run.run_id for run in list_runs(home)} - {ctx.run.run_id}
        died = RunRecords(engine, ctx.settings).close_dead_runs(ours)
        models = ModelRecords(engine, ctx.settings)
        followed = models.follow_champion(ctx.registry.alias("champion"), who=who)
        noted = repair_decision(engine, ctx.settings, ctx.registry)
        champion = "; ".join(filter(None, (followed, noted))) or None
    swept = Swept(tuple(folders), tuple(files), saved, tuple(died), champion)
    if swept.sentences:
        log.warning("swept_after_a_crash", found=list(swept.sentences), files=files)
        ctx.run.write(SWEPT, swept)
    return swept
