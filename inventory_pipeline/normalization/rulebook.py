"""Asking rules: the first that matches, in the order of their classes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from inventory_pipeline.catalog.folding import fold, title_key, vendor_key
from inventory_pipeline.catalog.model import PriorityClass, Rule

LONGEST_MATCHED = 300
"""Characters of a folded title that patterns look at, so that no pattern takes long."""

_PREFIX = 3
"""Letters by which patterns without a certain word are looked up."""

_compiled = cache(re.compile)
"""Patterns are compiled when a title first asks for them; `re` itself would keep 512 alone."""


@dataclass(slots=True)
class Statement:
    """One software statement, folded where rules and titles look at it folded."""

    source: str
    title: str
    folded: str
    words: str
    publisher: str
    publisher_key: str
    version: str
    product_code: str
    package_family: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that matches, with what its placeholders stand for."""

    rule: Rule
    values: dict[str, str] = field(default_factory=dict)


class RuleBook:
    """Rules by what they match by. Within a class they are asked in the order given."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._codes: dict[str, list[Rule]] = defaultdict(list)
        self._packages: dict[str, list[Rule]] = defaultdict(list)
        self._published: dict[tuple[str, str], list[Rule]] = defaultdict(list)
        self._titles: dict[str, list[Rule]] = defaultdict(list)
        self._anchored: dict[str, list[tuple[int, Rule]]] = defaultdict(list)
        self._beginning: dict[str, list[tuple[int, Rule]]] = defaultdict(list)
        self._free: list[tuple[int, Rule]] = []
        self._publishers: dict[str, str] = {}
        for number, rule in enumerate(rules):
            if rule.publisher:
                self._publishers[rule.rule_id] = vendor_key(rule.publisher)
            match rule.priority_class:
                case PriorityClass.product_code:
                    self._codes[rule.product_code.lower()].append(rule)
                case PriorityClass.package_family:
                    self._packages[rule.package_family.lower()].append(rule)
                case PriorityClass.publisher_title:
                    self._published[(vendor_key(rule.publisher), title_key(rule.title))].append(rule)
                case PriorityClass.title_alone:
                    self._titles[title_key(rule.title)].append(rule)
                case PriorityClass.pattern:
                    beginning = _beginning(rule.title)
                    if rule.anchor:
                        self._anchored[rule.anchor].append((number, rule))
                    elif len(beginning) >= _PREFIX:
                        self._beginning[beginning[:_PREFIX]].append((number, rule))
                    else:
                        self._free.append((number, rule))
        self._has_titles = bool(self._published or self._titles or self._anchored or self._beginning or self._free)

    def any(self, statement: Statement) -> RuleHit | None:
        """The first rule of any class that matches."""
        return self.by_code(statement) or self.by_title(statement)

    def by_code(self, statement: Statement) -> RuleHit | None:
        """A rule that matches by product code or package family."""
        if statement.product_code and self._codes:
            for rule in self._codes.get(statement.product_code, ()):
                if self._holds(rule, statement):
                    return RuleHit(rule)
        if statement.package_family and self._packages:
            for name in (statement.package_family, statement.package_family.split("_", 1)[0]):
                for rule in self._packages.get(name, ()):
                    if self._holds(rule, statement):
                        return RuleHit(rule)
        return None

    def by_title(self, statement: Statement) -> RuleHit | None:
        """A rule that matches by publisher and title, else by pattern, else by title alone."""
        if not self._has_titles:
            return None
        for rule in self._published.get((statement.publisher_key, statement.words), ()):
            if self._holds(rule, statement):
                return RuleHit(rule)
        hit = self._by_pattern(statement)
        if hit:
            return hit
        for rule in self._titles.get(statement.words, ()):
            if self._holds(rule, statement):
                return RuleHit(rule)
        return None

    def _by_pattern(self, statement: Statement) -> RuleHit | None:
        candidates = [*self._free, *self._beginning.get(statement.folded[:_PREFIX], ())]
        if self._anchored:
            for word in set(statement.words.split()):
                candidates += self._anchored.get(word, ())
        if not candidates:
            return None
        text = statement.folded[:LONGEST_MATCHED]
        for _, rule in sorted(candidates, key=lambda c: c[0]) if len(candidates) > 1 else candidates:
            if not rule.pattern or not self._holds(rule, statement):
                continue
            found = _compiled(rule.pattern).fullmatch(text)
            if found:
                return RuleHit(rule, {name: value for name, value in found.groupdict().items() if value})
        return None

    def _holds(self, rule: Rule, statement: Statement) -> bool:
        """Whether the further conditions of a rule hold: source, publisher, version, and title beside a code."""
        if rule.source and rule.source != statement.source:
            return False
        if rule.publisher and self._publishers[rule.rule_id] != statement.publisher_key:
            return False
        if rule.version and not _version_matches(rule.version, statement.version):
            return False
        coded = rule.priority_class in {PriorityClass.product_code, PriorityClass.package_family}
        return not (coded and rule.title and title_key(rule.title) != statement.words)


# Plain letters with which a regular expression begins, but for one that something behind it makes optional; and its
# groups and classes, outside of which a bar would part alternatives.
_LITERAL = re.compile(r"/\^?([A-Za-z0-9 ]+)(?![?*+{])")
_GROUPED = re.compile(r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\[[^\]]*\]")


def _beginning(pattern: str) -> str:
    """The folded text with which every match of a pattern begins."""
    if pattern.startswith("/"):
        found = _LITERAL.match(pattern)
        return found[1].lower() if found and "|" not in _GROUPED.sub("", pattern) else ""
    literal = re.split(r"[*?{]", pattern, maxsplit=1)[0]
    return fold(literal) if not literal.endswith(" ") else fold(literal) + " "


def _version_matches(wanted: str, version: str) -> bool:
    """`15.*` matches every version that begins so; without a wildcard it must be equal or continue with a dot."""
    wanted, version = fold(wanted), fold(version)
    if "*" in wanted or "?" in wanted:
        regex = re.escape(wanted).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(regex, version[:200]) is not None
    return version == wanted or version.startswith(wanted + ".")
