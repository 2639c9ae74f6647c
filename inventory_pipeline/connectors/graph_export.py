"""Intune's reports by export job: asked for, waited for, downloaded, and read as a stream out of the zip.

Facts: Microsoft Intune, "Export Intune reports using Graph APIs": POST exportJobs, poll until `completed`, fetch `url`,
a pre-signed address of a zip with one CSV file. Reports of all tenants take minutes, hence the growing pauses.
"""

from __future__ import annotations

import csv
import io
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from inventory_pipeline.connectors.graph_session import GraphSession
from inventory_pipeline.connectors.graph_signin import GraphError

BLOCK_BYTES = 4 << 20
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 20.0


@dataclass(frozen=True, slots=True)
class ExportJob:
    """A report that was asked for."""

    id: str
    report: str
    permission: str


def start_export(session: GraphSession, report: str, columns: Sequence[str], *, permission: str) -> ExportJob:
    """Asks for a report.

    Raises:
        GraphError: the application may not have reports, or Graph fails.
    """
    url, body = session.urls.new_export_job(report, columns)
    answer = session.post(url, body, permission=permission)
    if not answer.get("id"):
        raise GraphError(f"Graph took the request for the report {report}, but gave no job.", "Try again later.")
    return ExportJob(str(answer["id"]), report, permission)


def report_batches(
    session: GraphSession, job: ExportJob, *, wait_seconds: float, coded: bool
) -> Iterator[pa.RecordBatch]:
    """Rows of a report as text columns, under the headings that it has; dictionaries of text when `coded`.

    Raises:
        GraphError: the job fails or does not end in time, or what comes is not such a file.
    """
    address = _finished(session, job, wait_seconds)
    with tempfile.TemporaryDirectory(prefix="inventory-report-") as folder:
        path = Path(folder) / "report.zip"
        session.download(address, path)
        yield from _rows(path, job.report, coded=coded)


def _finished(session: GraphSession, job: ExportJob, wait_seconds: float) -> str:
    deadline, pause = time.monotonic() + wait_seconds, FIRST_PAUSE
    while True:
        answer = session.one(session.urls.export_job(job.id), permission=job.permission)
        status = answer.get("status")
        if status == "completed" and answer.get("url"):
            return str(answer["url"])
        if status == "failed":
            raise GraphError(f"Intune failed to make the report {job.report}.", "Try again later.")
        if time.monotonic() > deadline:
            raise GraphError(
                f"Intune has not made the report {job.report} within {wait_seconds:.0f} seconds.",
                "Try again later, or raise report_seconds.",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _rows(path: Path, report: str, *, coded: bool) -> Iterator[pa.RecordBatch]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            if len(names) != 1:
                raise GraphError(f"the report {report} is not a zip with one CSV file.", "Try again later.")
            with archive.open(names[0]) as stream:
                headings = next(csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline="")), [])
            if not headings:
                raise GraphError(f"the report {report} is empty, without headings.", "Try again later.")
            kind = pa.dictionary(pa.int32(), pa.string()) if coded else pa.string()
            with archive.open(names[0]) as stream:
                reader = arrow_csv.open_csv(
                    stream,
                    read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
                    parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
                    convert_options=arrow_csv.ConvertOptions(
                        column_types=dict.fromkeys(headings, kind), null_values=[""], strings_can_be_null=True
                    ),
                )
                yield from reader
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise GraphError(f"the report {report} came damaged ({type(error).__name__}).", "Try again.") from error
