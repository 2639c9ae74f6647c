"""A small 1E platform. Names and columns of questions are this site's own, but for those that 1E documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.connectors.base import RefusedUnit, Secret, run_test
from inventory_pipeline.connectors.one_e import OneE
from inventory_pipeline.errors import ConnectorError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.store import Store
from inventory_pipeline_tests.counterparts.one_e import OneEServer
from inventory_pipeline_tests.counterparts.one_e_platform import Platform

Row = dict[str, Any]
QUESTIONED = ("processor", "software", "software_usage", "patch_state")

USERNAME, PASSWORD, VARIABLE = "ACME\\svc-inventory", "Stagger-Lantern-7731", "ONE_E_PASSWORD"
LAPTOP, SERVER, MAC = (
    "aaaaaaaa-0000-4000-8000-000000000001",
    "bbbbbbbb-0000-4000-8000-000000000002",
    "cccccccc-0000-4000-8000-000000000003",
)
PROCESSORS, SOFTWARE, USAGE, PATCHES = (
    "1E-Inventory-Device-GetProcessors",
    "Site-Inventory-Software",
    "Site-Inventory-FileUsage",
    "Site-Inventory-Patches",
)
KB_A, KB_B = "0d2c1b9a-1111-4222-8333-444455556666", "7e8f9a0b-1111-4222-8333-444455557777"


def packed(*parts: int) -> int:
    """A version as 1E packs it."""
    return sum(part << shift for part, shift in zip(parts, (48, 32, 16, 0), strict=True))


def device(number: int, guid: str, name: str, **others: Any) -> dict[str, Any]:
    """A device with what every one has."""
    return {
        "Id": number,
        "TachyonGuid": guid,
        "Name": name,
        "Fqdn": f"{name.lower()}.acme.example",
        "Domain": "ACME",
        "Status": 1,
        "LastConnUtc": "2026-03-02T09:30:00Z",
        "CreatedUtc": "2025-01-05T00:00:00Z",
        **others,
    }


def definition(number: int, name: str, text: str, columns: str, *parameters: str, **others: Any) -> dict[str, Any]:
    """The definition of a question."""
    return {
        "Id": number, "Name": name, "ReadablePayload": text, "Description": "", "InstructionType": 0, "InstructionSetName": "1E Inventory", "IsLicensed": True,
        "Schema": [{"Name": column, "Type": "string", "Length": 512, "RenderAs": None} for column in columns.split()],
        "Parameters": [{"Name": parameter, "Pattern": f"%{parameter}%", "DataType": "string", "DefaultValue": None, "Validation": {}} for parameter in parameters],
        "InstructionTtlMinutes": 60, "ResponseTtlMinutes": 120, "MinimumInstructionTtlMinutes": 10, "MaximumInstructionTtlMinutes": 10080, **others,
    }  # fmt: skip


def small_platform() -> Platform:
    """Three devices, two groups, four questions."""
    return Platform(
        devices=[
            device(1, LAPTOP, "LON-LT-0042", OsType="Windows", OsVerTxt="Microsoft Windows 11 Enterprise", OsVerNum=packed(10, 0, 22631, 0), AgentVersion=packed(8, 1, 0, 823), Manufacturer="Dell Inc.", Model="Latitude 7440", ChassisType=10, RamMB=16384, SMBiosGuid="4c4c4544-0058-4b10-8032-b7c04f393434", SerialNumber="7XK2M94", OsArchitecture="x64", MAC="A4-BB-6D-11-22-33", LocalIpAddress="10.20.30.40", LastBootUTC="2026-03-01T07:00:00Z", Criticality=4, VrPlatform=None, DeviceType="Laptop"),
            device(2, SERVER, "LON-SRV-01", OsType="Windows", OsVerTxt="Microsoft Windows Server 2022", OsVerNum=packed(10, 0, 20348, 0), Manufacturer="VMware, Inc.", Model="VMware7,1", RamMB=32768, SMBiosGuid="42226a4c-4f0f-6b0f-8a0e-0a1b2c3d4e5f", VrPlatform="VMware", LastBootUTC=1771286400, Criticality=0),
            device(3, MAC, "mac-007", OsType="MacOS", OsVerTxt="macOS", OsVerNum=packed(14, 4, 1, 0), SMBiosGuid="00000000-0000-0000-0000-000000000000", Manufacturer="Apple Inc.", Model="MacBookPro18,3", SerialNumber="C02XK0ABCDEF"),
        ],
        groups=[
            {"Id": 11, "Name": "London", "Description": "All of London", "Expression": "", "Count": 2, "UsableId": "0E9514B6-FD77-4077-9B54-A2AAA0C1953C", "HashOfMembers": "11aa"},
            {"Id": 12, "Name": "Macs", "Description": "", "Expression": "", "Count": 1, "UsableId": "AD9514B6-FD77-4077-9B54-A2AAA0C1953C", "HashOfMembers": "12aa"},
        ],
        members={"11": [{"TachyonGuid": LAPTOP, "Fqdn": "lon-lt-0042.acme.example"}, {"Fqdn": "LON-SRV-01.acme.example"}], "12": [{"TachyonGuid": MAC}]},
        definitions=[
            definition(101, PROCESSORS, "Which processors are in the device? With a stagger of <limitSecs> seconds.", "Vendor Name CoreCount SpeedMhz LogicalCoreCount Hyperthreading", "limitSecs"),
            definition(102, USAGE, "Inventory - what is the summary of file usage since <startDate>? With a stagger of <limitSecs> seconds.", "FileName Product Publisher Version User LastUsed LaunchCount", "startDate", "limitSecs"),
            definition(103, SOFTWARE, "Inventory - which software is installed? With a stagger of <limitSecs> seconds.", "Product Publisher Version Architecture InstallDate Source", "limitSecs"),
            definition(104, PATCHES, "Inventory - what is the state of patches? With a stagger of <limitSecs> seconds.", "PatchGuid PatchIds Title Status Severity ClassificationText PublishDate SupercededIds", "limitSecs"),
            definition(200, "Explorer-Software", "Which software is installed?", "Product Version", InstructionSetName="Explorer"),
        ],
        content={
            PROCESSORS: {
                LAPTOP: [{"Vendor": "GenuineIntel", "Name": "13th Gen Intel(R) Core(TM) i7-1365U", "CoreCount": 10, "SpeedMhz": 1800, "LogicalCoreCount": 12, "Hyperthreading": True}],
                SERVER: [{"Vendor": "GenuineIntel", "Name": "Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz", "CoreCount": 2, "SpeedMhz": 3100, "LogicalCoreCount": 2, "Hyperthreading": False}, {"Vendor": "GenuineIntel", "Name": "Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz", "CoreCount": 2, "SpeedMhz": 2700, "LogicalCoreCount": 2, "Hyperthreading": False}],
                MAC: [{"Vendor": "Apple", "Name": "Apple M1 Pro", "CoreCount": 10, "SpeedMhz": 0, "LogicalCoreCount": 10, "Hyperthreading": False}],
            },
            SOFTWARE: {
                LAPTOP: [{"Product": "7-Zip 24.09 (x64)", "Publisher": "Igor Pavlov", "Version": "24.09", "Architecture": "x64", "InstallDate": "2025-11-03", "Source": "registry"}, {"Product": "Adobe Acrobat (64-bit)", "Publisher": "Adobe", "Version": "24.001.20604", "Architecture": "x64", "InstallDate": 1764547200, "Source": "msi"}, {"Product": "7-Zip 24.09 (x64)", "Publisher": "Igor Pavlov", "Version": "24.09", "Architecture": "x64", "InstallDate": "2025-11-03", "Source": "registry"}],
                SERVER: [{"Product": f"Component {n}", "Publisher": "Example Corp", "Version": f"1.{n}", "Architecture": "x64", "InstallDate": "", "Source": "registry"} for n in range(7)],
            },
            USAGE: {
                LAPTOP: [{"FileName": "Acrobat.exe", "Product": "Adobe Acrobat (64-bit)", "Publisher": "Adobe", "Version": "24.1", "User": "ACME\\asmith", "LastUsed": "2026-02-27T16:00:00Z", "LaunchCount": 42}, {"FileName": "7zFM.exe", "Product": "7-Zip", "Publisher": "Igor Pavlov", "Version": "24.09", "User": "ACME\\asmith", "LastUsed": "2026-01-15T08:00:00Z", "LaunchCount": 3}],
            },
            PATCHES: {
                LAPTOP: [{"PatchGuid": KB_A.upper(), "PatchIds": "5034441", "Title": "Cumulative Update (KB5034441)", "Status": "Not Installed", "Severity": "Critical", "ClassificationText": "Security Updates", "PublishDate": "2026-02-10T18:00:00Z", "SupercededIds": KB_B.upper()}, {"PatchGuid": KB_B, "PatchIds": "5030000", "Title": "Defender Update", "Status": "Installed", "Severity": None, "ClassificationText": "Definition Updates", "PublishDate": "2026-01-13T18:00:00Z"}],
                SERVER: [{"PatchGuid": KB_A, "PatchIds": "5034441", "Title": "Cumulative Update (KB5034441)", "Status": "Pending Reboot", "Severity": "Critical", "ClassificationText": "Security Updates", "PublishDate": "2026-02-10T18:00:00Z"}],
            },
        },
    )  # fmt: skip


ACCOUNT = {"username": USERNAME, "password": Secret(env=VARIABLE)}


def connector(server: OneEServer, **fields: Any) -> OneE:
    """A connector to the server, by the Windows account unless an application is given."""
    given = {"url": server.url, "ca_file": str(server.ca_file), "page_size": 50, "patience_seconds": 20}
    account = {} if "application_id" in fields else ACCOUNT
    return OneE(name="1E", **{**given, **account, **fields})


def by_certificate(server: OneEServer, **fields: Any) -> OneE:
    """A connector that signs in by certificate."""
    given = {"application_id": server.application_id, "certificate_file": str(server.certificate_file)}
    return connector(server, **{**given, **fields})


def read(one: OneE, *tables: str) -> list[list[Row]]:
    """Rows of tables without empty values, in one session; refused units are `{"refused": ..., "reason": ...}`."""
    found = []
    with one.opened():
        for table in tables:
            rows: list[Row] = []
            for batch in one.read(table):
                if isinstance(batch, RefusedUnit):
                    rows.append({"refused": batch.unit_key, "reason": batch.reason})
                else:
                    rows += [{k: v for k, v in row.items() if v is not None} for row in batch.to_pylist()]
            found.append(rows)
    return found


def notes(one: OneE) -> str:
    """What the sync log would say."""
    return " ".join(note.message for note in one.take_notes())


def failure(one: OneE, category: Category) -> tuple[str, str]:
    """Message and cure of the only check that fails."""
    (found,) = run_test(one, [category]).failures
    return found.message, found.cure


def error(one: OneE, table: str) -> str:
    """The error that reading a table ends in."""
    with pytest.raises(ConnectorError) as caught:
        read(one, table)
    return str(caught.value)


def store(folder: Path) -> Store:
    """A store with the repository `main`."""
    made = Store(str(folder / "store"), f"sqlite:///{folder / 'ledger.sqlite'}")
    made.ensure("main", "Main", "inventory")
    return made
