"""Match rules: reading, checking and compiling them. The same format serves shipped rules and those of a site."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TypeVar

from inventory_pipeline.catalog.folding import fold, tokens
from inventory_pipeline.catalog.model import Action, Kind, PriorityClass, Rule
from inventory_pipeline.catalog.reading import Problems, Row

RULE_COLUMNS: tuple[str, ...] = (
    "rule_id",
    "priority_class",
    "source",
    "publisher",
    "title",
    "version",
    "product_code",
    "package_family",
    "product_id",
    "edition",
    "version_family",
    "kind",
    "action",
    "note",
)
PLACEHOLDERS: dict[str, str] = {
    "version": r"v?\d[\w.+\-]*",
    "year": r"(?:19|20)\d\d",
    "number": r"\d+(?:\.\d+)?",
    "edition": r"[^()]+?",
    "language": r"[^()]+?",
    "kb": r"kb ?\d{6,8}",
}
_Choice = TypeVar("_Choice", PriorityClass, Action, Kind)
_PIECE = re.compile(r"\{(\w+)\}|([*?])")
_NEEDS: dict[PriorityClass, tuple[str, ...]] = {
    PriorityClass.product_code: ("product_code",),
    PriorityClass.package_family: ("package_family",),
    PriorityClass.publisher_title: ("publisher", "title"),
    PriorityClass.pattern: ("title",),
    PriorityClass.title_alone: ("title",),
}


def compile_pattern(text: str) -> tuple[re.Pattern[str], str]:
    """`translate_pattern`, compiled. Raises ValueError also when a regular expression is wrong."""
    regex, word = translate_pattern(text)
    try:
        return re.compile(regex), word
    except re.error as error:
        raise ValueError(f"the regular expression is wrong: {error}") from error


def translate_pattern(text: str) -> tuple[str, str]:
    """A title pattern as a regular expression over folded titles, and a word that every match contains.

    `*` is any text, `?` one character, `{version}`, `{year}`, `{number}`, `{edition}`, `{language}` and `{kb}` are
    placeholders; between slashes stands a regular expression. The word is empty when no word is certain.
    Raises ValueError with the reason when the pattern cannot be used.
    """
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        return f"(?i){text[1:-1]}", ""
    regex, words, seen, last = "", [], set[str](), 0
    for piece in _PIECE.finditer(text):
        literal = fold_literal(text[last : piece.start()])
        regex += re.escape(literal)
        # A word that touches a wildcard may be part of a longer one.
        words += _whole_words(literal, last == 0, False)
        name, wildcard = piece.groups()
        if name and name not in PLACEHOLDERS:
            raise ValueError(f"{{{name}}} is no placeholder; known are {', '.join(sorted(PLACEHOLDERS))}")
        if name:
            regex += f"(?:{PLACEHOLDERS[name]})" if name in seen else f"(?P<{name}>{PLACEHOLDERS[name]})"
            seen.add(name)
        else:
            regex += ".*" if wildcard == "*" else "."
        last = piece.end()
    literal = fold_literal(text[last:])
    regex += re.escape(literal)
    words += _whole_words(literal, last == 0, True)
    if not re.search(r"[^\W\d_]", fold(_PIECE.sub("", text))):
        raise ValueError("it has no letters besides wildcards and would match anything")
    return regex, max(words, key=len, default="")


def fold_literal(text: str) -> str:
    """Folds a literal piece of a pattern; unlike `fold`, blanks at its ends stay."""
    folded = fold(text)
    if not folded:
        return " " if text.isspace() else ""
    return (" " if text[0].isspace() else "") + folded + (" " if text[-1].isspace() else "")


def _whole_words(literal: str, starts: bool, ends: bool) -> list[str]:
    parts = literal.split(" ")
    if not starts:
        parts = parts[1:]
    if not ends:
        parts = parts[:-1]
    return [word for part in parts for word in tokens(part) if len(word) > 1 and word == part.strip("()-,")]


def read_rules(
    rows: Iterable[Row], product_ids: Collection[str], problems: Problems, *, is_site: bool = False
) -> list[Rule]:
    """Rules of rows in `RULE_COLUMNS`. What is wrong goes to `problems` with file and line; such rows are left out."""
    rules: list[Rule] = []
    seen: dict[str, str] = {}
    for row in rows:
        rule = _read_rule(row, product_ids, problems, is_site)
        if rule is None:
            continue
        if rule.rule_id in seen:
            problems.add(row.where, f"rule_id {rule.rule_id!r} was used before, at {seen[rule.rule_id]}.")
            continue
        seen[rule.rule_id] = row.where
        rules.append(rule)
    return rules


def _read_rule(row: Row, product_ids: Collection[str], problems: Problems, is_site: bool) -> Rule | None:
    wrong: list[str] = []
    priority = _choice(PriorityClass, "priority_class", row["priority_class"] or _guess_class(row), wrong)
    action = _choice(Action, "action", row["action"] or "normalize", wrong)
    kind = _choice(Kind, "kind", row["kind"], wrong) if row["kind"] else None
    if priority is not None:
        wrong += [f"a rule of class {priority} needs a {name}." for name in _NEEDS[priority] if not row[name]]
    product_id = row["product_id"]
    if action is Action.normalize:
        if not product_id:
            wrong.append("product_id is missing.")
        elif product_id not in product_ids:
            wrong.append(f"product_id {product_id!r} is not in the catalog; add it to site_products.")
    pattern, anchor = "", ""
    if priority is PriorityClass.pattern and row["title"]:
        try:
            # Shipped patterns are compiled by a test, here only when a title asks for them.
            pattern, anchor = translate_pattern(row["title"])
            if is_site:
                compile_pattern(row["title"])
        except ValueError as error:
            wrong.append(f"the pattern {row['title'][:80]!r} cannot be used: {error}.")
    for message in wrong:
        problems.add(row.where, message)
    if wrong or priority is None or action is None:
        return None
    return Rule(
        rule_id=row["rule_id"] or f"{'site' if is_site else 'rule'}:{row.line}",
        priority_class=priority,
        product_id=product_id,
        source=row["source"].lower(),
        publisher=row["publisher"],
        title=row["title"],
        version=row["version"],
        product_code=row["product_code"],
        package_family=row["package_family"],
        edition=row["edition"],
        version_family=row["version_family"],
        kind=kind,
        action=action,
        note=row["note"],
        is_site=is_site,
        where=row.where,
        pattern=pattern,
        anchor=anchor,
    )


def _guess_class(row: Row) -> str:
    """The class that is meant when none is given: by the most specific column that is filled."""
    if row["product_code"]:
        return PriorityClass.product_code
    if row["package_family"]:
        return PriorityClass.package_family
    if re.search(r"[*]|\{\w+\}", row["title"]) or row["title"].startswith("/"):
        return PriorityClass.pattern
    return PriorityClass.publisher_title if row["publisher"] else PriorityClass.title_alone


def _choice(kind: type[_Choice], column: str, value: str, wrong: list[str]) -> _Choice | None:
    try:
        return kind(value.lower())
    except ValueError:
        wrong.append(f"{column} {value!r} is unknown; known are {', '.join(kind)}.")
        return None
