"""A small SQL Server stand-in: the TDS 7.4 wire protocol in front of DuckDB, for real ODBC clients.

It is not SQL Server. What is real: the protocol (pre-login, TLS, sign-in, batches, RPC with parameters, transactions,
attention), the types and the error numbers that clients see. What is not: T-SQL is translated by sqlglot, text compares
with case, there are no server cursors, no locking hints and no stored procedures beyond those that drivers call.
"""

from inventory_pipeline_tests.counterparts.tds.server import Faults, TdsServer, running_tds_server

__all__ = ["Faults", "TdsServer", "running_tds_server"]
