"""Names of packages: which known Linux package a name is, or is a part of, and whose name an identifier begins with."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

# Parts into which distributions cut software, by their conventions for package names (Debian Policy, Fedora Packaging
# Guidelines): libraries, headers, documentation, data, debug symbols, languages, tool kits.
_PART = re.compile(
    r"-(?:devel|dev|libs?|common|data|docs?|html|manual|man|info|examples?|tools?|utils?|bin|base|core|minimal|headless"
    r"|dbg|dbgsym|debuginfo|debugsource|debug|source|static|shared|langpacks?|lang|locales?|l10n|i18n(?:-[a-z]{2,3})?"
    r"|filesystem|selinux|systemd|sysvinit|plugins?|extras?|modules?|scripts?|fonts?|icons?|themes?|wallpapers?"
    r"|gtk\d?|gnome|kde|qt\d?|x11|nox|gui|cli|daemon|service|server|client|clients|all|perl|python\d?|ruby|tests?"
    r"|langpack-[a-z]{2,3}(?:[-_][a-z]{2})?|l10n-[a-z]{2,3}(?:-[a-z]{2})?)$"
)
_LIBRARY = re.compile(r"^lib(?P<name>[a-z][a-z0-9+._-]*?)-?\d[\d.]*[a-z]?\d*(?:t64)?$")
_NUMBERED = re.compile(r"(?<=[a-z+])-?\d+(?:\.\d+)*$")
_ARCHITECTURE = re.compile(r"[.:](?:x86_64|i[3-6]86|amd64|noarch|aarch64|arm64|all)$")


def package_name(folded: str) -> str:
    """The name of a package without its architecture: `bash` for `bash.x86_64` and `bash:amd64`."""
    return _ARCHITECTURE.sub("", folded.strip())


def find_package(name: str, known: Container[str]) -> tuple[str, str]:
    """The known package that a name is, and the part of it that the name says; both empty when there is none.

    `dnsmasq-base` is the part `base` of `dnsmasq`; `postgresql-14` is `postgresql`; `libssh2-1` a part of `libssh2`.
    """
    name = package_name(name.lower())
    parts: list[str] = []
    for _ in range(4):
        for candidate in (name, _NUMBERED.sub("", name)):
            if candidate in known:
                return candidate, " ".join(reversed(parts))
        library = _LIBRARY.match(name)
        if library and any(n in known for n in (f"lib{library['name']}", library["name"])):
            base = f"lib{library['name']}"
            return base if base in known else library["name"], " ".join(reversed([*parts, "library"]))
        part = _PART.search(name)
        if not part:
            break
        parts.append(part.group()[1:])
        name = name[: part.start()]
    return "", ""


_REVERSED = re.compile(
    r"(?:com|org|net|io|co|us|eu|app|dev|me|de|fr|uk|nl|ch|at|jp|it|es|se|no|fi|dk|be|pl|cz|ru|cn|ca|au|tv|ai|im|info|edu)"
    r"\.(?:(?:co|com)\.)?(?P<label>[a-z0-9-]+)\..+"
)
_APPX = re.compile(r"(?P<label>[a-z][a-z0-9-]+)\.[a-z0-9.-]+_[0-9a-z]{13}")
_HOSTS = frozenset(
    ["github", "gitlab", "electron", "google-code", "googlecode", "sourceforge", "yourcompany", "example"]
)
_LEGAL = re.compile(r"(?:systems)?(?:incorporated|corporation|inc|corp|llc|ltd|gmbh)$")


def vendor_of_package(package: str, labels: Mapping[str, str]) -> str:
    """The vendor with whose name a bundle identifier or package family begins; empty when it is not known.

    `com.paloaltonetworks.globalprotect.client` and `AdobeSystemsIncorporated.AdobePhotoshop_ynb6jyjzte8ga` name one,
    by Apple's reversed domains and Windows' package family names. `labels`: vendors by their names without blanks.
    """
    found = _REVERSED.fullmatch(package.lower()) or _APPX.fullmatch(package.lower())
    label = found["label"] if found else ""
    if not label or label in _HOSTS:
        return ""
    for name in (label.replace("-", ""), _LEGAL.sub("", label.replace("-", ""))):
        if len(name) >= 2 and name in labels:
            return labels[name]
    return ""
