"""Vendors are shown as people call them."""

from __future__ import annotations

import pytest

from inventory_pipeline.catalog.vendors import clean_vendor


@pytest.mark.parametrize(
    ("publisher", "vendor"),
    [
        ("A.E.T. Europe B.V.", "A.E.T. Europe"),
        ('"CINC Project <maintainers@cinc.sh>"', "CINC Project"),
        ("AirVPN - https://airvpn.org", "AirVPN"),
        ("http://xanasoft.com/", "xanasoft.com"),
        ("www.hardcopy.de", "hardcopy.de"),
        ("Copyright (c) 2019 Acme Tools Ltd. All rights reserved.", "Acme Tools"),
        ("Co", "Co"),
        ("", None),
    ],
)
def test_legal_forms_addresses_and_notices_are_left_out(publisher: str, vendor: str | None) -> None:
    assert clean_vendor(publisher) == vendor
