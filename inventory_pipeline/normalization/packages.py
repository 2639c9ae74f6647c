"""Names of packages: which known Linux package a name is, or is a part of, and whose name an identifier begins with."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

# Parts into which distributions cut software, by their conventions for package names (Debian Policy, Fedora Packaging
# Guidelines): libraries, headers, documentation, data, debug symbols, languages, tool kits.
_PART = re.compile(
    r"-(?:devel|dev|hmac|libs?|common|data|docs?|html|manual|man|info|examples?|tools?|utils?|bin|base|core|minimal|headless"
    r"|dbg|dbgsym|debuginfo|debugsource|debug|source|static|shared|langpacks?|lang|locales?|l10n|i18n(?:-[a-z]{2,3})?"
    r"|filesystem|selinux|systemd|sysvinit|plugins?|extras?|modules?|scripts?|fonts?|icons?|themes?|wallpapers?"
    r"|gtk\d?|gnome|kde|qt\d?|x11|nox|gui|cli|daemon|service|server|client|clients|all|perl|python\d?|ruby|tests?"
    r"|progs|license|config|translations?|runtime|32bit|64bit|branding-(?:opensuse|sle|upstream|debian)|bash-completion"
    r"|(?:bash|zsh|fish)-completion|udev|ucode|headers|javadoc|glib\d?|cpp|gobject"
    r"|langpack-[a-z]{2,3}(?:[-_][a-z]{2})?|l10n-[a-z]{2,3}(?:-[a-z]{2})?)$"
)
# What a library's name says of its version: libcups2, libssh2-1, libgtk-3-0, libglib2.0-0, libopenssl1_1. Digits that
# belong to the name stand right before a hyphen: libssh2, libraw1394.
_SONAME = (
    re.compile(r"(?:(?<=[a-z+])-?|-)\d+(?:[._]\d+)*[a-z]?(?:t64)?$"),
    re.compile(r"-\d+(?:[._]\d+)*$|(?<=[a-z+])\d+(?:[._]\d+)+$"),
)
_NUMBERED = re.compile(r"(?<=[a-z+])-?\d+(?:\.\d+)*$")
_ARCHITECTURE = re.compile(r"[.:](?:x86_64|i[3-6]86|amd64|noarch|aarch64|arm64|all)$")
# Descriptions of libraries for GObject: gir1.2-gtk-3.0 in Debian, typelib-1_0-Gtk-3_0 in SUSE.
_TYPELIB = re.compile(r"^(?:gir1\.\d|typelib-1_0)-(?P<name>[a-z0-9+-]+?)-?\d[\d._]*$")
# Modules of a language by the name that they have in most distributions: python-six, python2-six, python3.11-six are
# python3-six; libjson-xs-perl is perl-json-xs; ruby-rack is rubygem-rack.
_MODULES = (
    (re.compile(r"^python[\d.]*-"), "python3-"),
    (re.compile(r"^ruby(?:gem)?[\d._]*-(?:rubygem-)?"), "rubygem-"),
    (re.compile(r"^lib(?P<name>.+)-perl$"), r"perl-\g<name>"),
)
# Modules of a language whose names end like parts: ruby-locale is no part of Ruby, but ruby-libs is; libpoppler-perl is
# made by others than Poppler.
_MODULE = re.compile(r"lib.+-perl|(?:python|ruby)[\d.]*-(?!(?:libs|devel|dev|doc|minimal|debug|dbg|base|static)$)[^-]+")


def package_name(folded: str) -> str:
    """The name of a package without its architecture: `bash` for `bash.x86_64` and `bash:amd64`."""
    return _ARCHITECTURE.sub("", folded.strip())


def find_package(name: str, known: Container[str]) -> tuple[str, str]:
    """The known package that a name is, and the part of it that the name says; both empty when there is none.

    `dnsmasq-base` is the part `base` of `dnsmasq`; `postgresql-14` is `postgresql`; `libssh2-1` a part of `libssh2`.
    A known name that ends in `-*` stands for all names that so begin: `texlive-*`.
    """
    name = whole = package_name(name.lower())
    parts: list[str] = []
    for _ in range(4):
        found, part = _as_such(name, known)
        if found:
            return found, " ".join([*([part] if part else []), *reversed(parts)])
        cut = _PART.search(name)
        if not cut or _MODULE.fullmatch(name):
            break
        parts.append(cut.group()[1:])
        name = name[: cut.start()]
    return _family(whole, known)


def _as_such(name: str, known: Container[str]) -> tuple[str, str]:
    """The known package of a name from which no part is cut: in another spelling, numbered, or a library of it."""
    for candidate in (name, _NUMBERED.sub("", name)):
        if candidate in known:
            return candidate, ""
    for spelling, usual in _MODULES:
        candidate = spelling.sub(usual, name)
        if candidate != name and candidate in known:
            return candidate, ""
    typelib = _TYPELIB.match(name)
    if typelib:
        names = (typelib["name"], f"lib{typelib['name']}")
        return next(((n, "typelib") for n in names if n in known), ("", ""))
    library = name if name.startswith("lib") else ""
    for version in _SONAME:
        shorter = version.sub("", library)
        if shorter == library:
            break
        library = shorter
        if library in known:
            return library, "library"
    return "", ""


def _family(name: str, known: Container[str]) -> tuple[str, str]:
    """The longest known beginning with a `*` of a name, and what the name says behind it."""
    end = len(name)
    while (end := name.rfind("-", 0, end)) > 0:
        if f"{name[: end + 1]}*" in known:
            return f"{name[: end + 1]}*", name[end + 1 :]
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
