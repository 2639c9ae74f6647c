"""Tables of the ledger, the same on SQLite and PostgreSQL.

Times are UTC without zone. `position` numbers commits; it is null where nothing was committed. What `action.status`
may be: queued, running, committed, unchanged, dry_run, held, failed, interrupted, done. Rows of `sync_table` exist only
for committed syncs: such a row is the commit, and the newest of a connector and table is its watermark.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 1
metadata = sa.MetaData()

repository_table = sa.Table(
    "repository",
    metadata,
    sa.Column("slug", sa.String(100), primary_key=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("cleared_at_position", sa.BigInteger, nullable=False, default=0),
)
action_table = sa.Table(
    "action",
    metadata,
    sa.Column("action_id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("repository", sa.String(100)),
    sa.Column("connector", sa.String(100)),
    sa.Column("connector_type", sa.String(100)),
    sa.Column("options", sa.JSON),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("queued_at", sa.DateTime, nullable=False),
    sa.Column("started_at", sa.DateTime),
    sa.Column("ended_at", sa.DateTime),
    sa.Column("heartbeat_at", sa.DateTime),
    sa.Column("host", sa.String(200)),
    sa.Column("pid", sa.Integer),
    sa.Column("message", sa.Text),
    sa.Column("run_id", sa.String(100)),
    sa.Column("adopted_by", sa.String(40)),
    sa.Column("position", sa.BigInteger, unique=True),
    sa.Index("action_connector", "repository", "connector", "status"),
)
sync_table = sa.Table(
    "sync_table",
    metadata,
    sa.Column("action_id", sa.String(40), sa.ForeignKey("action.action_id"), primary_key=True),
    sa.Column("table_name", sa.String(100), primary_key=True),
    sa.Column("repository", sa.String(100), nullable=False),
    sa.Column("connector", sa.String(100), nullable=False),
    sa.Column("category", sa.String(50), nullable=False),
    sa.Column("position", sa.BigInteger, index=True),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("fingerprint", sa.String(200), nullable=False),
    sa.Column("cursor", sa.JSON),
    sa.Column("rows_read", sa.BigInteger, nullable=False),
    sa.Column("units_read", sa.BigInteger, nullable=False),
    sa.Column("added", sa.BigInteger, nullable=False),
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Column("removed", sa.BigInteger, nullable=False),
    sa.Column("unchanged", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("values_rejected", sa.BigInteger, nullable=False),
    sa.Column("rows_total", sa.BigInteger, nullable=False),
    sa.Column("units_total", sa.BigInteger, nullable=False),
    sa.Column("units_gone", sa.BigInteger, nullable=False),
    sa.Column("units_refused", sa.BigInteger, nullable=False),
    sa.Column("row_files", sa.JSON, nullable=False),
    sa.Column("unit_files", sa.JSON, nullable=False),
    sa.Column("reject_files", sa.JSON, nullable=False),
    sa.Column("rejects_hash", sa.String(64), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("notes", sa.JSON, nullable=False),
    sa.Index("sync_table_visible", "repository", "table_name", "connector", "position"),
)
release_table = sa.Table(
    "release",
    metadata,
    sa.Column("release_id", sa.String(40), primary_key=True),
    sa.Column("repository", sa.String(100), nullable=False, index=True),
    sa.Column("action_id", sa.String(40)),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("published_at", sa.DateTime),
    sa.Column("tables", sa.JSON, nullable=False),
    sa.Column("checks", sa.JSON, nullable=False),
    sa.Column("manifest", sa.JSON, nullable=False),
    sa.Column("message", sa.Text),
)
state_table = sa.Table(
    "ledger_state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
)
