"""Device models: vendors, families, machine types, virtual machines and placeholders."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.normalization.devices import normalize_model, normalize_models

MODELS = [
    # manufacturer, model, chassis, vendor, device type, family, model
    ("Dell Inc.", "Latitude 7440", "10", "Dell", "laptop", "Latitude", "Latitude 7440"),
    ("Dell Computer Corporation", "OptiPlex 7090", "3", "Dell", "desktop", "OptiPlex", "OptiPlex 7090"),
    ("Dell Inc.", "PowerEdge R740", "23", "Dell", "server", "PowerEdge", "PowerEdge R740"),
    ("Dell Inc.", "XPS 13 9310", "10", "Dell", "laptop", "XPS", "XPS 13 9310"),
    ("HP", "HP EliteBook 840 G8 Notebook PC", "10", "HP", "laptop", "EliteBook", "EliteBook 840 G8"),
    ("Hewlett-Packard", "HP Compaq 8200 Elite SFF PC", "4", "HP", "desktop", "Compaq", "Compaq 8200 Elite SFF PC"),
    ("Hewlett-Packard", "HP Compaq 6710b (GR684EA#AKC)", "10", "HP", "laptop", "Compaq", "Compaq 6710b"),
    (
        "HP",
        "HP EliteOne 800 G5 23.8-in All-in-One",
        "13",
        "HP",
        "all in one",
        "EliteOne",
        "EliteOne 800 G5 23.8-in All-in-One",
    ),
    ("HPE", "ProLiant DL380 Gen10", "23", "Hewlett Packard Enterprise", "server", "ProLiant", "ProLiant DL380 Gen10"),
    ("LENOVO", "20QES03G00", "10", "Lenovo", "laptop", "ThinkPad", "ThinkPad X1 Carbon 7th"),
    ("LENOVO", "4236EJ8", "10", "Lenovo", "laptop", "ThinkPad", "ThinkPad T420"),
    ("LENOVO", "ThinkPad T14 Gen 2i", "10", "Lenovo", "laptop", "ThinkPad", "ThinkPad T14 Gen 2i"),
    ("LENOVO", "99ZZXXXXXX", "10", "Lenovo", "laptop", None, "99ZZXXXXXX"),
    ("Microsoft Corporation", "Surface Pro 7", "9", "Microsoft", "tablet", "Surface Pro", "Surface Pro 7"),
    ("Microsoft Corporation", "Surface Laptop 4", "9", "Microsoft", "laptop", "Surface Laptop", "Surface Laptop 4"),
    ("Apple Inc.", "MacBookPro18,3", None, "Apple", "laptop", "MacBook Pro", "MacBook Pro (14-inch, 2021)"),
    ("Apple", "iPhone14,2", None, "Apple", "phone", "iPhone", "iPhone 13 Pro"),
    ("ASUSTeK COMPUTER INC.", "ROG Strix G712LU", "10", "ASUS", "laptop", "ROG", "ROG Strix G712LU"),
    ("FUJITSU CLIENT COMPUTING LIMITED", "LIFEBOOK U7510", "10", "Fujitsu", "laptop", "LIFEBOOK", "LIFEBOOK U7510"),
    ("Micro-Star International Co., Ltd.", "MS-7B24", "3", "MSI", "desktop", None, "MS-7B24"),
    ("Zyxqua Computers GmbH", "Alpha 3", "3", "Zyxqua Computers", "desktop", None, "Alpha 3"),
]


@pytest.mark.parametrize("row", MODELS, ids=[f"{row[0]} {row[1]}" for row in MODELS])
def test_model(row: tuple[str | None, ...]) -> None:
    manufacturer, model, chassis, *wanted = row
    found = normalize_model(manufacturer, model, chassis or "")
    assert [found.vendor, found.device_type, found.family, found.model] == wanted


@pytest.mark.parametrize(
    ("manufacturer", "model", "vendor"),
    [
        ("VMware, Inc.", "VMware Virtual Platform", "VMware"),
        ("VMware, Inc.", "VMware20,1", "VMware"),
        ("Microsoft Corporation", "Virtual Machine", "Microsoft"),
        ("innotek GmbH", "VirtualBox", "Oracle"),
        ("QEMU", "Standard PC (i440FX + PIIX, 1996)", "QEMU"),
        ("Red Hat", "KVM", "Red Hat"),
        ("Xen", "HVM domU", "Xen"),
        ("Amazon EC2", "m5.large", "Amazon"),
        ("Nutanix", "AHV", "Nutanix"),
    ],
)
def test_virtual_machines(manufacturer: str, model: str, vendor: str) -> None:
    found = normalize_model(manufacturer, model, "1")
    assert (found.vendor, found.device_type) == (vendor, "virtual machine")
    assert found.rule_id.startswith("vm:")


def test_stated_virtual_machine_of_unknown_kind() -> None:
    found = normalize_model("Acme", "Cloud 1", "1", True)
    assert (found.device_type, found.vendor) == ("virtual machine", "Acme")


@pytest.mark.parametrize(
    ("manufacturer", "model"),
    [
        ("To Be Filled By O.E.M.", "To be filled by O.E.M."),
        ("System manufacturer", "System Product Name"),
        ("Default string", "Default string"),
        ("", ""),
        (None, None),
        ("N/A", "0000000000"),
        ("xxxxxxxx", "................"),
        ("Not Specified", "123456789"),
    ],
)
def test_placeholders_are_unknown(manufacturer: str | None, model: str | None) -> None:
    found = normalize_model(manufacturer, model)
    assert (found.vendor, found.model, found.device_type) == (None, None, "unknown")
    assert found.confidence < 0.5
    assert normalize_model(manufacturer, model, "10").device_type == "laptop"


def test_vendor_from_the_model_when_the_maker_is_a_placeholder() -> None:
    found = normalize_model("System manufacturer", "HP EliteDesk 800 G1 SFF")
    assert (found.vendor, found.model) == ("HP", "EliteDesk 800 G1 SFF")


def test_table_in_order_with_integers_as_chassis() -> None:
    table = pa.table(
        {"manufacturer": ["HP", "Dell Inc."], "model": ["HP ProBook 450 G5", None], "chassis_type": [10, 3]}
    )
    found = normalize_models(table).to_pylist()
    assert [row["vendor"] for row in found] == ["HP", "Dell"]
    assert [row["device_type"] for row in found] == ["laptop", "desktop"]
    assert found[1]["model"] is None


RULES = (
    "rule_id,manufacturer,model,vendor,device_type,family,model_name\n"
    "all,Contoso*,*,Contoso,,,\n"
    "till,Contoso*,POS-4?,,appliance,Tills,Till 4\n"
)


def test_a_sites_own_rules_stand_above_shipped_facts(tmp_path: Path) -> None:
    (tmp_path / "site_models.csv").write_text(RULES)
    catalog = load_catalog(tmp_path)
    assert catalog.version != load_catalog().version
    table = pa.table(
        {
            "manufacturer": ["CONTOSO Ltd.", "Contoso Ltd.", "LENOVO", None],
            "model": ["POS-42", "Desk 9", "20QES03G00", None],
            "chassis_type": ["3", "3", "10", None],
        }
    )
    till, desk, other, nothing = normalize_models(table, catalog.model_rules).to_pylist()
    assert (till["vendor"], till["device_type"], till["family"], till["model"], till["rule_id"]) == (
        "CONTOSO",
        "appliance",
        "Tills",
        "Till 4",
        "site:till",
    )
    assert (desk["vendor"], desk["device_type"], desk["model"], desk["rule_id"]) == (
        "Contoso",
        "desktop",
        "Desk 9",
        "site:all",
    )
    plain = normalize_models(table).to_pylist()
    assert [other, nothing] == plain[2:]


def test_mistakes_in_rules_about_models_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "site_models.csv").write_text(
        "rule_id,manufacturer,model,vendor,device_type\na,,,Contoso,\nb,X,,,\nc,X,,Contoso,toaster\nc,Y,,Z,\nc,Z,,Z,\n"
    )
    with pytest.raises(ConfigurationError) as raised:
        load_catalog(tmp_path)
    for line, said in ((2, "both missing"), (3, "says nothing"), (4, "'toaster' is unknown"), (6, "used before")):
        assert any(f"site_models.csv:{line}: " in part and said in part for part in str(raised.value).splitlines())
