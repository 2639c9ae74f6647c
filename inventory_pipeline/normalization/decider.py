"""One statement at a time: by rules of the site, shipped rules, known codes, the title itself, else a suggestion."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from inventory_pipeline.catalog.folding import fold, is_mojibake, title_key, tokens, vendor_key
from inventory_pipeline.catalog.model import Action, Catalog, Kind, Product, Rule
from inventory_pipeline.catalog.titles import TitleMatch, TitleReader, is_version
from inventory_pipeline.catalog.vendors import clean_vendor
from inventory_pipeline.normalization.decision import Decision
from inventory_pipeline.normalization.packages import find_package, package_name, vendor_of_package
from inventory_pipeline.normalization.parsing import clean_title
from inventory_pipeline.normalization.rulebook import RuleBook, RuleHit, Statement
from inventory_pipeline.normalization.versions import clean_version, find_cycle, version_family

CONFIDENCE = {"publisher": 0.98, "title": 0.96, "unstated": 0.92}
_REMOVERS = frozenset({"uninstall", "remove", "desinstaller", "deinstallieren"})
SURE = 0.9
"""At or above it a row counts as normalized; below it is a suggestion."""

Reading = tuple[Decision, tuple[str, ...]]
"""What a title and publisher alone say: the decision without version, and the words that look like versions."""


class Decider:
    """Decides statements one by one. Holds indexes of the catalog only."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.reader = TitleReader(catalog)
        self.site = RuleBook(catalog.site_rules)
        self.shipped = RuleBook(catalog.rules)

    def decide(self, statement: Statement, edition: str, read: dict[tuple[int, str], Reading], number: int) -> Decision:
        """The decision about one statement. `read` remembers what titles were taken for, by title and publisher."""
        hit = self.site.any(statement)
        if hit:
            return self._by_rule(hit, statement, edition, "site_rule")
        hit = self.shipped.by_code(statement)
        if hit:
            return self._by_rule(hit, statement, edition, "rule")
        known = self._known_code(statement)
        if known:
            product, rule_id, evidence = known
            decision = self._of_product(product, edition, rule_id, 0.99, evidence)
            return self._with_version(decision, product, statement.version, self._numbers(statement))
        if statement.folded.endswith(".app"):
            # Bundles of macOS are listed by the name of their folder too.
            title, folded = statement.title.strip()[:-4], statement.folded[:-4]
            statement = replace(statement, title=title, folded=folded, words=" ".join(tokens(folded)))
        named = self._of_origin(statement)
        if named and not self._is_of_site(statement):
            return named
        vendor = self._vendor_of_package(statement)
        if vendor:
            statement = replace(statement, publisher=vendor, publisher_key=vendor_key(vendor))
        decision = self._named(statement, edition, read, number)
        if vendor:
            decision.confidence = min(decision.confidence, CONFIDENCE["title"])
            decision.evidence = decision.evidence.replace("the publisher agrees", "the package's name names the vendor")
        if decision.product_id is None and statement.origin == "app bundle":
            return self._of_mac_app(statement, self.catalog.mac_apps, CONFIDENCE["unstated"]) or decision
        weak = decision.confidence <= CONFIDENCE["unstated"]
        if weak and self._is_packaged(statement) and not self._is_of_site(statement):
            known = self._of_package(statement, self.catalog.linux_packages, whole=True)
            if known:
                # A list of packages knows better than a title that nothing but the name speaks for.
                return known
        if decision.product_id is None and self._is_packaged(statement):
            if self.reader.is_distributor(statement.publisher_key):
                # Whoever packs software for a distribution is not its vendor.
                unstated = replace(statement, publisher="", publisher_key="")
                packaged = self._named(unstated, edition, read, number)
                if packaged.product_id is not None:
                    return packaged
            return self._of_package(statement, self.catalog.linux_packages) or decision
        return decision

    def _vendor_of_package(self, statement: Statement) -> str:
        """The vendor that a package's name names, where no publisher is stated."""
        if not statement.package_family or self.reader.is_stated(statement.publisher_key):
            return ""
        return vendor_of_package(statement.package_family, self.reader.vendor_labels)

    def _is_of_site(self, statement: Statement) -> bool:
        """Whether a product of the site has this name: it stands above whatever the shipped catalog says of names."""
        ids = self.catalog.titles.get(statement.words, ())
        return any(self.catalog.products[product_id].origin == "site" for product_id in ids)

    def _of_origin(self, statement: Statement) -> Decision | None:
        """By a name that the catalog knows for this origin alone: of a Linux package, or of an application of macOS."""
        if statement.origin == "app bundle":
            return self._of_mac_app(statement, self.catalog.mac_names, 0.96)
        if not self._is_packaged(statement):
            return None
        return self._of_package(statement, self.catalog.linux_names, 0.97, whole=True)

    def _of_mac_app(self, statement: Statement, known: Mapping[str, str], confidence: float) -> Decision | None:
        """By the name of an application of macOS, unless its publisher is another."""
        words = [word for word in statement.words.split() if not is_version(word)]
        name = next((n for n in (statement.words, " ".join(words)) if n in known), "")
        if not name:
            return None
        product = self.catalog.products[known[name]]
        if not self.reader.agrees(product, statement.publisher_key):
            return None
        evidence = f"Among applications of macOS the name is that of {product.vendor} {product.title}."
        decision = self._of_product(product, "", f"app:{product.product_id}", confidence, evidence)
        return self._with_version(decision, product, statement.version, self._numbers(statement))

    def _is_packaged(self, statement: Statement) -> bool:
        """True for a package of a Linux distribution, by its origin or by who packed it."""
        if " " in statement.folded.strip():
            return False
        return statement.origin in {"rpm", "deb"} or self.reader.is_packager(statement.publisher_key)

    def _is_of_another(self, product: Product, publisher_key: str) -> bool:
        """Whether the publisher of a package contradicts: packages are maintained by anybody, so that only a vendor
        that is known, and is no distributor, does."""
        if self.reader.is_distributor(publisher_key) or publisher_key not in self.catalog.vendors:
            return False
        return not self.reader.agrees(product, publisher_key)

    def _of_package(
        self, statement: Statement, known: Mapping[str, str], confidence: float = 0.95, *, whole: bool = False
    ) -> Decision | None:
        """By the name of a Linux package, its own or (unless `whole`) that of the package that it is a part of."""
        own = package_name(statement.folded)
        name, part = (own if own in known else "", "") if whole else find_package(own, known)
        if not name:
            return None
        product = self.catalog.products[known[name]]
        if self._is_of_another(product, statement.publisher_key):
            return None
        evidence = f"The package {name} is {product.vendor} {product.title}" + (
            f"; this is its part {part}." if part else "."
        )
        decision = self._of_product(product, "", f"package:{product.product_id}", confidence, evidence)
        if part:
            decision.kind = Kind.component
            decision.parent_product_id = product.parent_product_id or product.product_id
        return self._with_version(decision, product, statement.version, self._numbers(statement))

    def _named(self, statement: Statement, edition: str, read: dict[tuple[int, str], Reading], number: int) -> Decision:
        """By shipped rules over titles, else by the title itself."""
        hit = self.shipped.by_title(statement)
        if hit and self._agrees(hit.rule, statement):
            return self._by_rule(hit, statement, edition, "rule")
        key = (number, statement.publisher)
        reading = read.get(key)
        if reading is None:
            reading = read[key] = self._by_title(statement)
        return self._finish(*reading, statement, edition)

    def _known_code(self, statement: Statement) -> tuple[Product, str, str] | None:
        product_id = self.catalog.codes.get(statement.product_code) if statement.product_code else None
        if product_id:
            return self.catalog.products[product_id], f"code:{product_id}", "The product code is known."
        name = statement.package_family.split("_", 1)[0]
        if not name and "." in statement.folded and " " not in statement.folded:
            name = statement.folded  # AppX packages are often listed under their name alone.
        while name:
            product_id = self.catalog.packages.get(name)
            if product_id:
                evidence = f"The package {name} is known."
                return self.catalog.products[product_id], f"package:{product_id}", evidence
            # Packages carry versions in their names: Microsoft.VCLibs.140.00.UWPDesktop.
            head, _, tail = name.rpartition(".")
            name = head if tail.isdigit() or tail in {"uwpdesktop", "appruntime"} else ""
        return None

    def _agrees(self, rule: Rule, statement: Statement) -> bool:
        """Shipped rules without a publisher hold for the product's own vendor, or where none is stated."""
        if rule.publisher or rule.action is Action.ignore or not self.reader.is_stated(statement.publisher_key):
            return True
        product = self.catalog.products[rule.product_id]
        return self.catalog.vendors.get(statement.publisher_key, "") == product.vendor

    def _by_rule(self, hit: RuleHit, statement: Statement, edition: str, decided_by: str) -> Decision:
        rule = hit.rule
        evidence = f"Rule {rule.rule_id} ({rule.priority_class}, {rule.where}) matches."
        if rule.action is Action.ignore:
            return Decision(decided_by=decided_by, rule_id=rule.rule_id, confidence=1.0, evidence=evidence)
        product = self.catalog.products[rule.product_id]
        numbers = [*hit.values.values(), *self._numbers(statement)] if hit.values else self._numbers(statement)
        family = rule.version_family
        for name, value in hit.values.items():
            family = family.replace("{" + name + "}", value)
        named = rule.edition or hit.values.get("edition", "").title() or edition
        decision = self._of_product(product, named, rule.rule_id, 1.0 if rule.is_site else 0.98, evidence)
        decision.decided_by = decided_by
        decision.version_family = family or None
        if rule.kind is not None:
            decision.kind = rule.kind
            if rule.kind in {Kind.update, Kind.language_pack}:
                decision.parent_product_id = product.parent_product_id or product.product_id
        return self._with_version(decision, product, statement.version, numbers)

    def _by_title(self, statement: Statement) -> Reading:
        """What title and publisher alone say; version and the row's own edition come in `_finish`."""
        if is_mojibake(statement.title) or is_mojibake(statement.publisher):
            wrong = "The text was read in a wrong codepage somewhere; it needs a look at the source."
            return Decision(evidence=wrong), ()
        words = statement.words.split()
        if not words:
            return Decision(evidence="The title has no words."), ()
        match = self.reader.match(words, statement.publisher_key)
        if words[0] in _REMOVERS and len(words) > 1 and not (match and self._is_sure(match, words, statement)):
            words = words[1:]
            match = self.reader.match(words, statement.publisher_key)
            if match and statement.origin == "app bundle" and self._is_sure(match, words, statement):
                # In uninstall lists it is a product's entry; an application of that name is its remover.
                return self._part(replace(match, unexplained=("uninstaller",)), statement), ()
        if match and self._is_sure(match, words, statement):
            return self._matched(match), self.reader.numbers(match)
        marked = self.reader.marked(statement.folded)
        if marked:
            found = self._marked(*marked, statement)
            if found:
                return found
        if match and self._is_part(match, words):
            return self._part(match, statement), ()
        return self._suggested(match, statement), ()

    def _is_sure(self, match: TitleMatch, words: list[str], statement: Statement) -> bool:
        if match.unexplained or match.agreement == "conflict":
            return False
        # A derived product has no known editions: `X Pro` beside `X` may well be another product.
        if match.guessed_edition and match.product.origin in {"derived", "listed"}:
            return False
        if match.agreement != "unstated":
            return True
        # Names of packages are unique within a distribution, however short (vim, git).
        packaged = statement.origin in {"rpm", "deb"} and match.whole and match.product.origin in {"curated", "site"}
        if match.product.parent_product_id == "apple/macos":
            # Chess and Dictionary are everybody's words, unless it is macOS that lists its own parts.
            return statement.origin == "app bundle" and match.whole
        return packaged or self.reader.is_distinctive(match, words)

    def _is_part(self, match: TitleMatch, words: list[str]) -> bool:
        """True for a product's name with nothing but words for a part of it behind (Helper, Add-in, Documentation)."""
        if not match.unexplained or match.agreement == "conflict" or match.product.origin == "listed":
            return False
        if match.agreement == "unstated" and not self.reader.is_distinctive(match, words):
            return False
        return self.reader.are_parts(match.unexplained)

    def _part(self, match: TitleMatch, statement: Statement) -> Decision:
        """A part that the catalog does not list: without a product of its own, it belongs to its parent."""
        decision = self._matched(match)
        parent = match.product
        decision.product_id, decision.edition = None, None
        decision.parent_product_id = parent.parent_product_id or parent.product_id
        decision.kind = Kind.component
        decision.licensable = "unknown"
        decision.title = clean_title(statement.title, "", 0)
        decision.rule_id = f"part:{parent.product_id}"
        decision.confidence = round(decision.confidence - 0.02, 3)
        decision.evidence = f"The title names a part of {parent.vendor} {parent.title}: {' '.join(match.unexplained)}."
        return decision

    def _matched(self, match: TitleMatch) -> Decision:
        product = match.product
        confidence = CONFIDENCE[match.agreement] - (0.02 if match.guessed_edition else 0.0)
        if product.origin == "derived" and match.agreement == "unstated":
            confidence -= 0.01
        said = {
            "publisher": "the publisher agrees",
            "title": "the title names the vendor",
            "unstated": "no publisher is stated, but no other product has this name",
        }[match.agreement]
        return self._of_product(
            product,
            match.edition,
            f"title:{product.product_id}",
            round(confidence, 3),
            f"The title names {product.vendor} {product.title} and {said}.",
        )

    def _marked(self, kind: Kind, rest: str, marker_id: str, statement: Statement) -> Reading | None:
        words = tokens(rest)
        match = self.reader.match(words, statement.publisher_key)
        if match is None or not self._is_sure(match, words, statement):
            return None
        decision = self._matched(match)
        decision.kind = kind
        decision.parent_product_id = match.product.parent_product_id or match.product.product_id
        decision.rule_id = f"{marker_id}:{match.product.product_id}"
        what = "an update" if kind is Kind.update else "a language pack"
        decision.evidence = f"The title names {what} for {match.product.vendor} {match.product.title}."
        return decision, self.reader.numbers(match)

    def _suggested(self, match: TitleMatch | None, statement: Statement) -> Decision:
        stated = self.reader.is_stated(statement.publisher_key)
        vendor = self.catalog.vendors.get(statement.publisher_key, "") if stated else ""
        in_front, taken = self.reader.vendor_in_front(statement.words.split())
        named = vendor or (in_front if not stated else "")
        title = clean_title(statement.title, in_front if in_front in {vendor, named} else "", taken)
        decision = Decision(
            vendor=named or None,
            decided_by="parsed",
            level="vendor" if named else "none",
            suggestion_vendor=named or (clean_vendor(statement.publisher) if stated else None),
            suggestion_title=title or None,
            confidence=0.6 if named else 0.45 if stated else 0.2,
        )
        if match and match.agreement == "conflict" and not match.unexplained:
            decision.confidence = 0.3
            decision.evidence = (
                f"The title is that of {match.product.vendor} {match.product.title}, but the publisher is another."
            )
        elif match and match.agreement != "conflict":
            near = f"{match.product.vendor} {match.product.title}"
            left = " ".join(match.unexplained)[:80]
            decision.evidence = (
                f"The title begins as {near}; unexplained: {left}." if left else f"{near} is possible, but not certain."
            )
            if not left:
                decision.suggestion_vendor = decision.suggestion_vendor or match.product.vendor
                decision.suggestion_title, decision.confidence = match.product.title, 0.5
        else:
            known = "the vendor is known" if named else "the vendor is not known"
            decision.evidence = f"No rule and no product of the catalog has this title; {known}."
        return decision

    def taken(self, product: Product, title: str, version: str, rule_id: str, confidence: float, says: str) -> Decision:
        """The decision that a title is a product of the catalog, for whoever decides by other means than rules.

        `says` becomes the evidence; edition, version family and release cycle follow from title and version as ever.
        """
        words = tokens(fold(title))
        match = TitleMatch(product, "publisher", (), rest=tuple(words))
        edition = self.reader.edition_among(product, words)
        decision = self._of_product(product, edition, rule_id, confidence, says)
        return self._with_version(decision, product, version, self.reader.numbers(match))

    def _numbers(self, statement: Statement) -> list[str]:
        return list(self.reader.version_words(statement.words.split()))

    def _of_product(self, product: Product, edition: str, rule_id: str, confidence: float, evidence: str) -> Decision:
        return Decision(
            product_id=product.product_id,
            vendor=product.vendor,
            title=product.title,
            edition=self._edition(product, edition),
            category=self.catalog.category_names.get(product.category, product.category) or None,
            kind=product.kind,
            parent_product_id=product.parent_product_id or None,
            licensable=product.licensable,
            decided_by="rule",
            rule_id=rule_id,
            confidence=confidence,
            level="title",
            evidence=evidence,
        )

    def _edition(self, product: Product, edition: str) -> str | None:
        """The edition in the catalog's spelling; one that the catalog does not know stays as it is."""
        # An Enterprise Edition is the edition Enterprise.
        edition = re.sub(r"(?i)(?<=\w) edition$", "", edition.strip())
        key = title_key(edition[:200])
        known = next((name for name in product.editions if title_key(name) == key), " ".join(edition[:200].split()))
        return self.catalog.editions.get(key, known) or None

    def _finish(self, base: Decision, numbers: tuple[str, ...], statement: Statement, edition: str) -> Decision:
        """The decision of a title for a row with its own version and edition."""
        decision = base.copy()
        if decision.product_id is None:
            decision.version = clean_version(statement.version)
            return decision
        product = self.catalog.products[decision.product_id]
        if edition and not decision.edition:
            decision.edition = self._edition(product, edition)
        return self._with_version(decision, product, statement.version, numbers)

    def _with_version(self, decision: Decision, product: Product, raw_version: str, numbers: Sequence[str]) -> Decision:
        # An update's own version says nothing about the version that it patches.
        raw = "" if decision.kind in {Kind.update, Kind.language_pack} else raw_version
        stated = clean_version(raw)
        decision.version = stated or next((clean_version(n) for n in numbers if "." in n), None)
        if not decision.version_family:
            decision.version_family = version_family(self.catalog, product, numbers, decision.version)
        cycle = find_cycle(self.catalog, product, decision.version_family, decision.version, decision.edition)
        if cycle:
            decision.release_date, decision.end_of_support = cycle.release_date, cycle.end_of_support
        if decision.edition:
            decision.level = "edition"
        elif decision.version or decision.version_family:
            decision.level = "version"
        return decision
