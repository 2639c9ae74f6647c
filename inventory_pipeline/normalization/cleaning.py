"""Cleaning of whole columns: DuckDB folds what is plain ASCII, Python the rest, with the same result."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from inventory_pipeline.catalog.folding import LONGEST_TEXT, fold, tokens

# The same folding as `folding.fold` and `folding.tokens` for ASCII texts; a test compares them.
_FOLD = f"""
select
  case when text = strip_accents(text) and length(text) = strlen(text) then
    trim(regexp_replace(
      regexp_replace(
        regexp_replace(lower(substr(text, 1, {LONGEST_TEXT})), '\\((?:r|tm|c)\\)', '', 'g'),
        '[\\x00-\\x08\\x0e-\\x1f\\x7f]', '', 'g'),
      '[\\t\\n\\x0b\\x0c\\r ]+', ' ', 'g'))
  end as folded
from texts
order by number
"""
_WORDS = """
select array_to_string(regexp_extract_all(folded, '[a-z0-9]+(?:[.][a-z0-9]+)*[+#]*|[.]net\\b'), ' ') as words
from folded_texts
order by number
"""


def fold_column(texts: list[str]) -> tuple[list[str], list[str]]:
    """Folded texts and their words joined by blanks, in order.

    `texts` must not hold None. Only the first `LONGEST_TEXT` characters of each are looked at.
    """
    if not texts:
        return [], []
    cut = pa.array([text[:LONGEST_TEXT] if len(text) > LONGEST_TEXT else text for text in texts], pa.string())
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        connection.register("texts", pa.table({"number": pa.array(range(len(texts)), pa.int64()), "text": cut}))
        folded: list[str | None] = connection.sql(_FOLD).to_arrow_table().column("folded").to_pylist()
        known = [f if f is not None else "" for f in folded]
        connection.register(
            "folded_texts",
            pa.table({"number": pa.array(range(len(texts)), pa.int64()), "folded": pa.array(known, pa.string())}),
        )
        words: list[str] = connection.sql(_WORDS).to_arrow_table().column("words").to_pylist()
    for number, text in enumerate(folded):
        if text is None:
            known[number] = fold(texts[number])
            words[number] = " ".join(tokens(known[number]))
    return known, words
