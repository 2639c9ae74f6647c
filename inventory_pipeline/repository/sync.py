"""Runs a sync: reads what a source has, finds what is new, changed and gone, commits one ledger row per table.

Nothing is visible before the commit, which is one transaction for all tables of the sync; whatever ends a sync before
it (an error, the guard, a kill) leaves the repository as it was, and what had been read is used by the next attempt.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import shutil
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from inventory_pipeline.connectors.base import Connector
from inventory_pipeline.errors import ConfigurationError, InventoryError, SyncError, SyncHeld
from inventory_pipeline.records import TABLES, Category, Table
from inventory_pipeline.repository.attempts import adopt, commit_sync
from inventory_pipeline.repository.connection import working_connection
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.progress import Progress
from inventory_pipeline.repository.staging import conform_context, row_text, staging_folder
from inventory_pipeline.repository.store import Repository
from inventory_pipeline.repository.sync_compare import Comparison, compare
from inventory_pipeline.repository.sync_read import Job, TableRead, read_table
from inventory_pipeline.repository.sync_report import SyncOptions, SyncReport, TableLog, summary
from inventory_pipeline.repository.sync_write import Written, raw_folder, write_table

__all__ = ["SyncOptions", "SyncReport", "TableLog", "run_sync"]

logger = logging.getLogger("inventory_pipeline.sync")
_REVISION = 1
"""Raised when conforming changes what it makes of the same source, so that everything is read once more."""


def run_sync(
    repository: Repository,
    connector: Connector,
    options: SyncOptions | None = None,
    *,
    action_id: str | None = None,
    run_id: str | None = None,
    observed_at: dt.datetime | None = None,
) -> SyncReport:
    """Syncs a connector into a repository.

    `action_id` is the id of a queued action or of a new one, `run_id` that of the run that asked for it (kept in the
    process log), `observed_at` the time that rows carry (default: now).

    Raises:
        ConfigurationError: the connector does not bring a chosen category, or the repository does not take it.
        SyncHeld: the guard held it. SyncError: anything else; the message names connector, table and cure. In every
        case the repository is as it was.
    """
    options = options or SyncOptions()
    store = repository.store
    tables = chosen_tables(repository, connector, options)
    started = observed_at or dt.datetime.now(dt.UTC)
    fingerprints = {table.name: _fingerprint(connector, table) for table in tables}
    action_id = store.ledger.begin(
        "sync",
        f"Sync Data - {connector.name}",
        action_id=action_id,
        repository=repository.slug,
        connector=connector.slug,
        connector_type=connector.type,
        run_id=run_id,
        options={
            "categories": list(dict.fromkeys(table.category.value for table in tables)),
            "clean": options.clean,
            "dry_run": options.dry_run,
            "accept_shrink": options.accept_shrink,
            "fingerprints": fingerprints,
        },
    )
    attempt = _Attempt(repository, connector, options, tables, fingerprints, action_id, started)
    failure: InventoryError | None = None
    try:
        return attempt.run()
    except Exception as error:  # whatever went wrong is told in the process log and as one sentence
        failure = attempt.failed(error)
    except BaseException:
        attempt.ended("interrupted", "The sync was stopped; nothing of it was committed.")
        raise
    # Raised outside of the handler, so that no driver's error, which may hold a secret, hangs on it as context.
    raise failure


def chosen_tables(repository: Repository, connector: Connector, options: SyncOptions) -> tuple[Table, ...]:
    """The canonical tables that a sync is about.

    Raises:
        ConfigurationError: a chosen category is not brought by the connector, or nothing is left for this repository.
    """
    if repository.is_archived:
        raise ConfigurationError(
            f"the repository {repository.title} is archived and takes no syncs.",
            subject=connector.name,
            cure="Restore it, or sync into another one.",
        )
    offered = connector.categories()
    for category in options.categories or ():
        if category not in offered:
            raise ConfigurationError(
                f"{connector.title} does not bring {category.value}.",
                subject=connector.name,
                cure=f"Choose from: {', '.join(other.value for other in offered)}.",
            )
    wanted = offered if options.categories is None else options.categories
    entitlements = repository.kind == "entitlement"
    tables = tuple(
        TABLES[source.table]
        for source in connector.sources
        if source.category in wanted and (source.category is Category.entitlement) == entitlements
    )
    if not tables:
        raise ConfigurationError(
            f"nothing of what was chosen goes into {repository.title}, which is an {repository.kind} repository.",
            subject=connector.name,
            cure="Choose a repository of the other kind.",
        )
    return tables


class _Attempt:
    """One run of a sync, from its row in the ledger to its end."""

    def __init__(
        self,
        repository: Repository,
        connector: Connector,
        options: SyncOptions,
        tables: tuple[Table, ...],
        fingerprints: Mapping[str, str],
        action_id: str,
        started: dt.datetime,
    ) -> None:
        self.repository = repository
        self.connector = connector
        self.options = options
        self.tables = tables
        self.fingerprints = fingerprints
        self.action_id = action_id
        self.started = started
        self.store = repository.store
        self.storage = repository.store.storage
        self.ledger = repository.store.ledger
        self.policy: SyncPolicy = repository.store.policy
        self.adopted: tuple[str, ...] = ()
        self.doing = ""
        self.wrote = False
        self.useless = False

    def run(self) -> SyncReport:
        """Reads, compares, writes, commits."""
        title = f"{self.connector.name} into {self.repository.title}"
        spill = self.storage.scratch(f"{staging_folder(self.repository.slug, self.action_id)}/spill")
        try:
            with (
                working_connection(self.policy, spill) as connection,
                Progress(self.ledger, self.action_id, title, self.policy.progress_seconds) as progress,
            ):
                # What is visible is fixed after dead attempts were taken over: an attempt that committed is not dead.
                self.adopted = adopt(
                    self.ledger, self.policy, self.repository.slug, self.connector.slug, self.action_id,
                    self.options, self.fingerprints,
                )  # fmt: skip
                job = Job(
                    connector=self.connector,
                    storage=self.storage,
                    repository=self.repository.slug,
                    action_id=self.action_id,
                    visible=self.repository.visible(),
                    connection=connection,
                    progress=progress,
                    context=conform_context(
                        self.connector.slug, self.action_id, self.started, getattr(self.connector, "date_format", None)
                    ),
                    clean=self.options.clean,
                    fingerprints=self.fingerprints,
                    adopted=self.adopted,
                )
                reads = self._read(job)
                self.doing = "comparing"
                compared = [(read, compare(job, read)) for read in reads]
                problems = self._problems(compared)
                if self.options.dry_run:
                    return self._dry_run(compared, [problem for problem, _ in problems])
                self.useless = any(kind is SyncError for _, kind in problems)
                self.doing = ""
                for problem, kind in problems:
                    raise kind(problem, subject=self.connector.name, cure=_CURES[kind])
                return self._commit(job, compared)
        finally:
            # On an object store nothing else of the staging lies on this machine.
            shutil.rmtree(spill if self.storage.is_local else spill.parent, ignore_errors=True)

    def _read(self, job: Job) -> list[TableRead]:
        reads = []
        self.doing = "connecting"
        with self.connector.opened():
            for table in self.tables:
                self.doing = table.name
                self.connector.take_notes()
                read = read_table(job, table)
                reads.append(read)
                read.notes += [note.message for note in self.connector.take_notes()]
                logger.info(
                    "%s: %s: %s rows of %s units read", self.connector.name, table.name,
                    f"{read.rows_read:,}", f"{read.units_read:,}",
                )  # fmt: skip
        return reads

    def _problems(self, compared: list[tuple[TableRead, Comparison]]) -> list[tuple[str, type[SyncError]]]:
        """Why this sync must not be committed: too much rejected, too much gone."""
        found: list[tuple[str, type[SyncError]]] = []
        for read, figures in compared:
            share = figures.rejected / max(1, figures.rejected + figures.rows_total)
            if share > self.policy.reject_share:
                found.append(
                    (
                        f"{read.table.name}: {figures.rejected:,} of {figures.rejected + figures.rows_total:,} rows "
                        f"cannot be accepted, more than {self.policy.reject_share:.0%}. {figures.reject_sample}",
                        SyncError,
                    )
                )
        shrinking = []
        for read, figures in compared:
            limit = self.policy.guard_share
            lost = figures.rows_before - figures.rows_total
            if read.table.name not in self.policy.guard_exempt and (
                figures.units_gone > limit * figures.units_before or lost > limit * figures.rows_before
            ):
                shrinking.append(
                    f"{read.table.name}: {figures.units_gone:,} of {figures.units_before:,} units would go, "
                    f"{figures.rows_before:,} rows would become {figures.rows_total:,}"
                )
        if shrinking and not self.options.accept_shrink:
            found.append((f"more than {self.policy.guard_share:.0%} would go ({'; '.join(shrinking)}).", SyncHeld))
        return found

    def _dry_run(self, compared: list[tuple[TableRead, Comparison]], problems: list[str]) -> SyncReport:
        tables = tuple(_log(read, figures, Written()) for read, figures in compared)
        message = " ".join(["Dry run:", summary(tables), *(f"It would not be committed: {p}" for p in problems)])
        report = self._report("dry_run", tables, message=message, problems=tuple(problems))
        self.ended("dry_run", message)
        self._sweep()
        return report

    def _commit(self, job: Job, compared: list[tuple[TableRead, Comparison]]) -> SyncReport:
        self.doing = "writing"
        logs, rows = [], []
        self.wrote = True
        for read, figures in compared:
            place = (read.table.name, self.connector.slug)
            # The first report of a connector and every clean sync stand for all there is.
            complete = figures.writes and (self.options.clean or not job.visible.pieces.get(place))
            written = write_table(job, read, complete=complete) if figures.writes else Written()
            logs.append(_log(read, figures, written))
            rows.append(self._row(job, read, figures, written, logs[-1]))
        # New stamps alone are kept, but are no news to anyone.
        status = "committed" if any(figures.is_news for _, figures in compared) else "unchanged"
        message = summary(tuple(logs))
        self.doing = "committing"
        position = commit_sync(
            self.ledger, self.repository.slug, self.connector.name, self.action_id, job.visible, status, rows, message
        )
        self.wrote = False
        report = self._report(status, tuple(logs), position=position, message=message)
        logger.info("%s into %s: %s: %s", self.connector.name, self.repository.title, status, message)
        self._sweep()
        return report

    def _row(self, job: Job, read: TableRead, figures: Comparison, written: Written, log: TableLog) -> dict[str, Any]:
        mark = job.visible.watermarks.get((read.table.name, self.connector.slug))
        return {
            "table_name": read.table.name,
            "repository": self.repository.slug,
            "connector": self.connector.slug,
            "category": read.table.category.value,
            "complete": written.complete,
            "fingerprint": self.fingerprints[read.table.name],
            "cursor": dict(read.cursor)
            if read.cursor is not None
            else (mark.cursor if mark and read.listing == "delta" else None),
            "rows_read": log.rows_read,
            "units_read": log.units_read,
            "added": log.added,
            "changed": log.changed,
            "removed": log.removed,
            "unchanged": log.unchanged,
            "rejected": log.rejected,
            "values_rejected": log.values_rejected,
            "rows_total": log.rows_total,
            "units_total": log.units_total,
            "units_gone": log.units_gone,
            "units_refused": log.units_refused,
            "row_files": list(written.row_files),
            "unit_files": list(written.unit_files),
            "reject_files": list(written.reject_files),
            "rejects_hash": figures.rejects_hash,
            "bytes": log.bytes,
            "notes": [self.connector.redact(note) for note in log.notes],
        }

    def _report(self, status: str, tables: tuple[TableLog, ...], **values: Any) -> SyncReport:
        return SyncReport(
            action_id=self.action_id,
            repository=self.repository.slug,
            connector=self.connector.slug,
            status=status,
            tables=tables,
            started_at=self.started,
            ended_at=dt.datetime.now(dt.UTC),
            **values,
        )

    def failed(self, error: Exception) -> InventoryError:
        """Ends the sync with an error, and gives what is to be raised: one sentence, free of secrets."""
        logger.debug("%s", self.connector.redact(traceback.format_exc()))
        doing = f"{self.doing}: " if self.doing else ""
        if isinstance(error, SyncHeld):
            kind, text, cure = SyncHeld, error.message, error.cure
        elif isinstance(error, InventoryError):
            kind, text, cure = SyncError, doing + error.message, error.cure
        else:
            reason = " ".join(str(error).split()) or "no reason given"
            kind, text = SyncError, f"{doing}{type(error).__name__}: {reason}"
            cure = "Nothing was changed; run the sync again, and look into its log when it stays."
        failure = kind(self.connector.redact(text), subject=self.connector.name, cure=self.connector.redact(cure))
        self.ended("held" if kind is SyncHeld else "failed", str(failure))
        if self.options.dry_run or self.useless:
            # What could not be accepted is to be read again, even when its stamps stay.
            self._sweep()
        return failure

    def ended(self, status: str, message: str) -> None:
        """Writes the end of a sync that committed nothing, and takes away what it wrote besides the staging."""
        with suppress(Exception):
            if self.wrote:
                for table in self.tables:
                    self.storage.delete(
                        raw_folder(self.repository.slug, table.name, self.connector.slug, self.action_id)
                    )
        try:
            self.ledger.end(self.action_id, status, message)
        except SQLAlchemyError as error:
            # The reason is told all the same; the row will be found to belong to a dead process.
            logger.warning("%s: the ledger could not be written: %s", self.connector.name, type(error).__name__)

    def _sweep(self) -> None:
        # Whatever stays behind is swept by maintenance.
        for attempt in (self.action_id, *self.adopted):
            with suppress(OSError):
                self.storage.delete(staging_folder(self.repository.slug, attempt))


_CURES: dict[type[SyncError], str] = {
    SyncError: "Look at the rejects, mend the source or the mapping, or raise `reject_share`.",
    SyncHeld: "Nothing was changed. When the source is right, run the sync with accept_shrink.",
}


def _log(read: TableRead, figures: Comparison, written: Written) -> TableLog:
    return TableLog(
        table=read.table.name,
        category=read.table.category,
        rows_read=read.rows_read,
        units_read=read.units_read,
        units_resumed=read.units_resumed,
        units_refused=len(read.refused),
        units_new=figures.units_new,
        units_changed=figures.units_changed,
        units_gone=figures.units_gone,
        added=figures.added,
        changed=figures.changed,
        removed=figures.removed,
        unchanged=figures.unchanged,
        rejected=figures.rejected,
        values_rejected=figures.values_rejected,
        rows_before=figures.rows_before,
        rows_total=figures.rows_total,
        units_before=figures.units_before,
        units_total=figures.units_total,
        bytes=written.bytes,
        complete=written.complete,
        files=(*written.row_files, *written.unit_files, *written.reject_files),
        notes=tuple(read.notes),
    )


def _fingerprint(connector: Connector, table: Table) -> str:
    """Changes when the same source would give other rows: another mapping, other columns, another way of conforming."""
    parts = (connector.type, connector.fingerprint, table.name, str(table.raw_schema), row_text(table), str(_REVISION))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
