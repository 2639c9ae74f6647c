"""Parts of products and of Linux packages, names in other languages, makers in copyright notes."""

# ruff: noqa: RUF001 (texts as sources write them)

from __future__ import annotations

import pytest

from inventory_pipeline.normalization.packages import find_package
from inventory_pipeline.normalization.parsing import clean_title, is_name
from inventory_pipeline_tests.normalization.conftest import Ask

KNOWN = {
    *(
        "dnsmasq",
        "postgresql",
        "libssh2",
        "gnome-shell",
        "vim",
        "libgtk",
        "libpoppler",
        "poppler",
        "libnotify",
        "gtk-vnc",
    ),
    *("libopenssl", "python3-six", "perl-json-xs", "rubygem-rack", "ruby", "texlive-*", "linux-image-*", "libgcrypt"),
}


@pytest.mark.parametrize(
    ("name", "package", "part"),
    [
        ("dnsmasq", "dnsmasq", ""),
        ("dnsmasq-base", "dnsmasq", "base"),
        ("postgresql-14", "postgresql", ""),
        ("postgresql-14-dev", "postgresql", "dev"),
        ("libssh2-1", "libssh2", "library"),
        ("libssh2-1-dev", "libssh2", "library dev"),
        ("gnome-shell-common", "gnome-shell", "common"),
        ("vim-common.x86_64", "vim", "common"),
        ("libgtk-3-0", "libgtk", "library"),
        ("libgtk-3-0t64:amd64", "libgtk", "library"),
        ("libpoppler126", "libpoppler", ""),
        ("libopenssl1_1", "libopenssl", "library"),
        ("libgcrypt20-hmac", "libgcrypt", "hmac"),
        ("gir1.2-notify-0.7", "libnotify", "typelib"),
        ("gir1.2-gtk-vnc-2.0", "gtk-vnc", "typelib"),
        ("typelib-1_0-Notify-0_7", "libnotify", "typelib"),
        ("python2-six", "python3-six", ""),
        ("python3.11-six", "python3-six", ""),
        ("python36-six", "python3-six", ""),
        ("libjson-xs-perl", "perl-json-xs", ""),
        ("ruby-rack", "rubygem-rack", ""),
        ("ruby-libs", "ruby", "libs"),
        ("texlive-latex-base-doc", "texlive-*", "latex-base-doc"),
        ("linux-image-6.1.0-13-amd64", "linux-image-*", "6.1.0-13-amd64"),
        ("libpoppler-perl", "", ""),
        ("ruby-locale", "", ""),
        ("libvim1", "", ""),
        ("texlive", "", ""),
        ("dnsmasquerade", "", ""),
        ("-dev", "", ""),
        ("", "", ""),
    ],
)
def test_packages_and_their_parts(name: str, package: str, part: str) -> None:
    assert find_package(name, KNOWN) == (package, part)


def test_a_linux_package_is_its_project(ask: Ask) -> None:
    found = ask("gnome-shell", "Fedora Project", "3.22.3-1.fc25")
    assert (found["product_id"], found["vendor"], found["version"]) == ("gnome/gnome-shell", "GNOME", "3.22.3")
    part = ask("openldap-devel", "Red Hat, Inc.", origin="rpm")
    assert (part["kind"], part["parent_product_id"]) == ("component", "openldap/openldap")
    assert "part devel" in part["evidence"]
    assert ask("gnome-shell", "Evil Corp", origin="registry")["product_id"] is None


def test_a_part_that_is_not_listed_belongs_to_its_product(ask: Ask) -> None:
    found = ask("Dropbox Add-in", "Dropbox, Inc.")
    assert (found["product_id"], found["parent_product_id"]) == (None, "dropbox/dropbox")
    assert (found["kind"], found["decided_by"], found["rule_id"]) == ("component", "rule", "part:dropbox/dropbox")
    assert found["title"] == "Dropbox Add-in"
    for title, publisher in (("Dropbox Add-in", "Evil Corp"), ("Dropbox Frobnicator", "Dropbox, Inc.")):
        found = ask(title, publisher)
        assert (found["product_id"], found["parent_product_id"]) == (None, None)


def test_a_remover_is_a_part_where_it_is_an_application(ask: Ask) -> None:
    remover = ask("Uninstall Dropbox", "Dropbox, Inc.", origin="app bundle")
    assert (remover["product_id"], remover["parent_product_id"]) == (None, "dropbox/dropbox")
    assert (remover["kind"], remover["licensable"]) == ("component", "unknown")
    assert ask("Uninstall Dropbox", "Dropbox, Inc.", origin="registry")["product_id"] == "dropbox/dropbox"


@pytest.mark.parametrize(
    ("title", "publisher", "origin", "product_id"),
    [
        ("Zdjęcia Microsoft", "Microsoft Corporation", None, "microsoft/photos"),
        ("Blocco note di Windows", None, None, "microsoft/windows-notepad"),
        ("Windows-Rechner", "Microsoft Corporation", "appx", "microsoft/windows-calculator"),
        ("Moniteur d’activité", "Apple", "app bundle", "apple/activity-monitor"),
        ("Chess", None, "app bundle", "apple/chess"),
        ("Chess", None, "registry", None),
        ("Français Local Experience Pack", "Microsoft Corporation", "appx", "microsoft/local-experience-pack"),
        ("Keynote", "12.1, Copyright © 2003–2022 Apple Inc. All rights reserved.", "app bundle", "apple/keynote"),
    ],
)
def test_names_in_other_languages(
    title: str, publisher: str | None, origin: str | None, product_id: str | None, ask: Ask
) -> None:
    assert ask(title, publisher, origin=origin)["product_id"] == product_id


@pytest.mark.parametrize(
    ("title", "cleaned"),
    [
        ("Uninstall Widget 3.2", "Widget"),
        ("Loader version Loader 2.7.3", "Loader"),
        ("Remove", "Remove"),
        ("Widget Widget Maker", "Widget Widget Maker"),
    ],
)
def test_cleaning(title: str, cleaned: str) -> None:
    assert clean_title(title, "", 0) == cleaned


def test_what_can_be_a_name() -> None:
    for text in ("Widget", "Baldur's Gate", "Écran", "日本", "7-Zip", "VNC"):
        assert is_name(text), text
    for text in ("setup.exe", "{AC76BA86-1033-FF00-7760-BC15014EA700}", "C:\\x", "=cmd|calc", "setup", "a1", "12", ""):
        assert not is_name(text), text
