"""vCenter against a real vSphere API: govmomi's simulator, with paging and permissions."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim

from inventory_pipeline.connectors.base import RefusedUnit, Secret, Units, run_test
from inventory_pipeline.connectors.vcenter import VCenter
from inventory_pipeline.connectors.vcenter_rows import shown_name
from inventory_pipeline.connectors.vsphere import VSphereError
from inventory_pipeline.connectors.vsphere_tags import tags_by_object
from inventory_pipeline.errors import ConnectorError
from inventory_pipeline.records import TABLES, Category
from inventory_pipeline_tests.counterparts.graph_faults import Answer, Request
from inventory_pipeline_tests.counterparts.https import answering, certified, serving
from inventory_pipeline_tests.counterparts.vcsim import VcSim, running_vcsim

ESTATE = Path(__file__).with_name("small_virtual_estate.json")
VCENTER_ID = "7a6f0f4c-2f3e-4e0a-9c1d-5b2b3c4d5e6f"
PASSWORD = "correct horse battery staple"
pytestmark = pytest.mark.needs("vcsim")


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCENTER_TEST_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def simulator() -> Iterator[VcSim]:
    """The small estate, never changed, answered in pages of two objects."""
    with running_vcsim(ESTATE, password=PASSWORD, page_limit=2) as running:
        yield running


def connector(simulator: VcSim, **fields: Any) -> VCenter:
    settings: dict[str, Any] = {
        "name": "Head office vCenter",
        "host": simulator.host,
        "port": simulator.port,
        "username": simulator.username,
        "password": Secret(env="VCENTER_TEST_PASSWORD"),
        "ca_file": str(simulator.certificate),
        "timeout_seconds": 20,
    }
    return VCenter(**{**settings, **fields})


def read(connector: VCenter, table: str, units: Units | None = None) -> tuple[dict[str, dict], list[RefusedUnit]]:
    """Rows by name, without nulls, and refused units."""
    rows: dict[str, dict] = {}
    refused: list[RefusedUnit] = []
    with connector.opened():
        for item in connector.read(table, units):
            if isinstance(item, RefusedUnit):
                refused.append(item)
            else:
                assert set(item.schema.names) <= set(TABLES[table].column_names)
                for row in item.to_pylist():
                    rows[row.get("name") or row.get("source_device_id") or row["description"]] = {
                        k: v for k, v in row.items() if v is not None
                    }
    return rows, refused


def stamps(connector: VCenter, table: str) -> dict[str, str | None]:
    with connector.opened():
        keys = connector.keys(table)
        assert keys.complete
        return {row["unit_key"]: row["stamp"] for batch in keys.batches for row in batch.to_pylist()}


@contextmanager
def administrator(simulator: VcSim) -> Iterator[Any]:
    """Content of a session that changes the estate, as an administrator would."""
    instance = SmartConnect(
        host=simulator.host,
        port=simulator.port,
        user=simulator.username,
        pwd=simulator.password,
        disableSslCertValidation=True,
    )
    try:
        yield instance.RetrieveContent()
    finally:
        Disconnect(instance)


def machine(content: Any, name: str) -> Any:
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    return next(found for found in view.view if found.name == name)


def test_hosts_and_guests_become_devices_and_templates_do_not(simulator: VcSim) -> None:
    devices, refused = read(connector(simulator), "device")
    assert not refused
    assert set(devices) == {
        "lon-esx-01.corp.example.com",
        "lon-esx-02.corp.example.com",
        "ber-esx-01.corp.example.com",
        "lon-sql-01",
        "lon-app-01",
        "ber-web-01",
    }
    host = devices["lon-esx-01.corp.example.com"]
    assert host["source_device_id"].startswith(f"{VCENTER_ID}:host-")
    assert (
        host
        | {
            "manufacturer": "Dell Inc.",
            "model": "PowerEdge R750",
            "serial_number": "4B3XKD3",
            "smbios_uuid": "4c4c4544-0042-3310-8058-b4c04f4b4433",
            "os_name": "VMware ESXi 8.0.2",
            "os_version": "8.0.2",
            "os_build": "22380479",
            "memory_mb": 524288,
            "is_virtual": False,
            "fqdn": "lon-esx-01.corp.example.com",
        }
        == host
    )
    guest = devices["lon-sql-01"]
    assert guest["host_source_id"] == host["source_device_id"]
    assert (
        guest
        | {
            "fqdn": "lon-sql-01.corp.example.com",
            "smbios_uuid": "42226a4c-4f0f-6b0f-8a0e-0a1b2c3d4e5f",
            "instance_uuid": "50226a4c-4f0f-6b0f-8a0e-0a1b2c3d4e5f",
            "os_name": "Microsoft Windows Server 2022 (64-bit)",
            "mac_addresses": ["00:50:56:80:00:01"],
            "ip_addresses": ["10.20.1.11", "fe80::250:56ff:fe80:1"],
            "is_virtual": True,
            "memory_mb": 32768,
        }
        == guest
    )
    assert devices["ber-web-01"]["netbios_name"] == "ber-web-01"
    assert len({tuple(devices[name]["mac_addresses"]) for name in devices if "esx" in name}) == 3


def test_a_guest_that_is_off_has_what_its_configuration_says_and_nothing_else(simulator: VcSim) -> None:
    guest = read(connector(simulator), "device")[0]["lon-app-01"]
    assert guest["os_name"] == "Ubuntu Linux (64-bit)"
    assert not {"fqdn", "netbios_name", "mac_addresses", "ip_addresses", "last_boot"} & set(guest)


def test_processors_are_sockets_and_cores_of_hosts_and_virtual_ones_of_guests(simulator: VcSim) -> None:
    devices, _ = read(connector(simulator), "device")
    processors, _ = read(connector(simulator), "processor")
    host = processors["Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz"]
    assert (host["sockets"], host["cores"], host["logical_cores"], host["hyperthreading"]) == (2, 32, 64, True)
    assert host["speed_mhz"] == 3100
    assert processors["Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz"]["hyperthreading"] is False
    guest = processors[devices["lon-sql-01"]["source_device_id"]]
    assert (guest["sockets"], guest["cores"]) == (2, 8)


def test_machines_know_host_cluster_and_datacenter_and_templates_are_flagged(simulator: VcSim) -> None:
    machines, _ = read(connector(simulator), "virtual_machine")
    hosts, _ = read(connector(simulator), "virtual_host")
    assert set(machines) == {"lon-sql-01", "lon-app-01", "tpl win/2022", "ber-web-01"}
    assert {name for name, row in machines.items() if row["is_template"]} == {"tpl win/2022"}
    sql = machines["lon-sql-01"]
    assert sql["source_host_id"] == hosts["lon-esx-01.corp.example.com"]["source_host_id"]
    assert (sql["cluster"], sql["datacenter"], sql["power_state"]) == ("LON-PROD", "London", "on")
    assert (sql["vcpus"], sql["cores_per_socket"]) == (8, 4)
    berlin = hosts["ber-esx-01.corp.example.com"]
    assert (berlin["cluster"], berlin["datacenter"]) == ("BER-PROD", "Berlin")
    assert (berlin["hypervisor"], berlin["cores"]) == ("VMware ESXi 8.0.3", 32)


def test_a_standalone_host_is_in_a_datacenter_and_in_no_cluster() -> None:
    with running_vcsim(password=PASSWORD, standalone_host=1, cluster=1, host=1, folder=1) as simulator:
        hosts, _ = read(connector(simulator), "virtual_host")
        places = {name: (row.get("cluster"), row.get("datacenter")) for name, row in hosts.items()}
    assert places == {"DC0_H0": (None, "DC0"), "DC0_C0_H0": ("DC0_C0", "DC0")}


@pytest.mark.parametrize("table", ["device", "processor", "virtual_machine", "virtual_host"])
def test_listed_keys_are_the_keys_that_are_read_and_chosen_units_come_alone(simulator: VcSim, table: str) -> None:
    vcenter = connector(simulator)
    listed = stamps(vcenter, table)
    assert all(listed.values())
    unit = TABLES[table].unit[0]
    assert {row[unit] for row in read(vcenter, table)[0].values()} == set(listed)
    wanted = sorted(listed)[1:2]
    rows, _ = read(vcenter, table, Units(tuple(wanted)))
    assert [row[unit] for row in rows.values()] == wanted
    _, refused = read(vcenter, table, Units(("gone",)))
    assert [unit.unit_key for unit in refused] == ["gone"]


def test_stamps_stay_while_nothing_changes_and_follow_what_does() -> None:
    with running_vcsim(ESTATE, password=PASSWORD) as simulator:
        vcenter = connector(simulator)
        before = {table: stamps(vcenter, table) for table in ("device", "virtual_machine", "virtual_host")}
        assert {table: stamps(vcenter, table) for table in before} == before
        with administrator(simulator) as content:
            WaitForTask(machine(content, "lon-app-01").ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=16384)))
            WaitForTask(machine(content, "lon-sql-01").Rename_Task("lon-sql-02"))
            WaitForTask(machine(content, "ber-web-01").PowerOffVM_Task())
            WaitForTask(machine(content, "ber-web-01").Destroy_Task())
        after = {table: stamps(vcenter, table) for table in before}
        assert after["virtual_host"] == before["virtual_host"]
        for table in ("device", "virtual_machine"):
            assert len(set(before[table]) - set(after[table])) == 1
            assert sum(before[table][key] != stamp for key, stamp in after[table].items()) == 2
        assert read(vcenter, "device")[0]["lon-app-01"]["memory_mb"] == 16384


def test_paging_gives_the_same_rows_as_one_page(simulator: VcSim) -> None:
    with running_vcsim(ESTATE, password=PASSWORD) as unpaged:
        for table in ("device", "virtual_machine"):
            assert read(connector(unpaged), table)[0] == read(connector(simulator), table)[0]


def test_a_failure_on_a_later_page_is_one_clear_error() -> None:
    with running_vcsim(ESTATE, password=PASSWORD, page_limit=1, fail_page=3) as simulator:
        vcenter = connector(simulator)
        with pytest.raises(ConnectorError, match=r"the server failed: .*database is busy"), vcenter.opened():
            vcenter.keys("device")


def test_the_test_passes_per_category(simulator: VcSim) -> None:
    report = run_test(connector(simulator))
    assert report.passed
    assert set(report.checks) == {"connection", "device", "processor", "virtual_machine", "license_server"}


def test_a_missing_permission_is_named_and_keeps_what_was_known(simulator: VcSim) -> None:
    listed = stamps(connector(simulator), "device")
    with running_vcsim(ESTATE, password=PASSWORD, deny="HostSystem") as denied:
        vcenter = connector(denied)
        failures = run_test(vcenter, [Category.device]).failures
        assert [check.message for check in failures] == ["The account may not read the properties of hosts."]
        assert "Read-only" in failures[0].cure
        assert set(stamps(vcenter, "device")) == set(listed)
        rows, refused = read(vcenter, "device")
        assert set(rows) == {"lon-sql-01", "lon-app-01", "ber-web-01"}
        assert len(refused) == 3
        assert "System.Read" in refused[0].reason


def test_an_account_that_sees_nothing_fails_the_test_only_when_it_may_not_see() -> None:
    with running_vcsim(ESTATE, password=PASSWORD, hide="VirtualMachine") as simulator:
        report = run_test(connector(simulator), [Category.virtual_machine])
        # The simulator grants System.Read at the root to everybody: then an empty list is the truth.
        assert report.passed
        assert "There are no virtual machines." in [check.message for check in report.checks["virtual_machine"]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"username": "somebody@vsphere.local"}, "refuses user name or password"),
        ({"ca_file": None}, "certificate is not trusted"),
        ({"host": "localhost.invalid"}, "host name cannot be resolved"),
        ({"port": 1}, "connection failed"),
        ({"ca_file": "/nowhere/ca.pem"}, "CA file /nowhere/ca.pem cannot be read"),
    ],
)
def test_what_is_wrong_with_the_connection_is_said_in_words(simulator: VcSim, fields: dict, message: str) -> None:
    report = run_test(connector(simulator, **fields))
    (failure,) = report.failures
    assert message in failure.message
    assert failure.cure
    assert PASSWORD not in failure.message + failure.cure


def test_a_wrong_password_is_said_and_never_shown(simulator: VcSim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCENTER_TEST_PASSWORD", "not the password")
    (failure,) = run_test(connector(simulator)).failures
    assert "refuses user name or password" in failure.message
    assert "not the password" not in str(failure)


def test_the_certificate_is_checked_unless_told_not_to(simulator: VcSim) -> None:
    assert run_test(connector(simulator, ca_file=None, verify_tls=False)).passed
    assert not run_test(connector(simulator, ca_file=None)).passed
    assert not run_test(connector(simulator, ca_file=None, host="localhost")).passed


@contextmanager
def web_server(certificate: Path | None) -> Iterator[int]:
    """A web server that knows nothing, with TLS when there is a certificate (and its key in the same file)."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_a_web_server_that_is_no_vcenter_is_told_apart(simulator: VcSim, tmp_path: Path) -> None:
    with web_server(None) as port:
        (failure,) = run_test(connector(simulator, port=port)).failures
        assert "TLS failed" in failure.message
    pem = tmp_path / "server.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", str(pem), "-out", f"{pem}.crt"], check=True, capture_output=True)
    pem.write_text(pem.read_text() + Path(f"{pem}.crt").read_text())
    with web_server(pem) as port:
        (failure,) = run_test(connector(simulator, port=port, ca_file=None, verify_tls=False)).failures
        assert "it is not vSphere (HTTP 404" in failure.message


def test_a_host_without_vcenter_is_told_apart() -> None:
    with running_vcsim(password=PASSWORD, standalone="true") as simulator:
        (failure,) = run_test(connector(simulator)).failures
    assert "not a vCenter Server" in failure.message


def test_a_session_is_logged_out_also_after_a_failure(simulator: VcSim) -> None:
    def sessions() -> int:
        with administrator(simulator) as content:
            return len(content.sessionManager.sessionList)

    before = sessions()
    read(connector(simulator), "virtual_host")
    failing = connector(simulator)
    with pytest.raises(KeyError), failing.opened():
        next(iter(failing.read("no_such_table")))
    assert sessions() == before


def test_names_are_shown_as_people_wrote_them() -> None:
    assert shown_name("a%2fb%5cc %25 d%41") == "a/b\\c % d%41"
    assert shown_name("") is None


def tagged(simulator: VcSim, tags: dict[str, list[vim.ManagedEntity]]) -> None:
    """Gives tags, as `category: tag`, to objects, as an administrator does by the Automation API."""
    with httpx.Client(
        base_url=f"https://{simulator.host}:{simulator.port}/rest/com/vmware/cis", verify=False
    ) as client:
        session = client.post("/session", auth=(simulator.username, simulator.password))
        client.headers["vmware-api-session-id"] = session.json()["value"]
        categories: dict[str, str] = {}
        for text, objects in tags.items():
            category, _, name = text.partition(": ")
            if category not in categories:
                spec = {"name": category, "description": "", "cardinality": "MULTIPLE", "associable_types": []}
                categories[category] = client.post("/tagging/category", json={"create_spec": spec}).json()["value"]
            spec = {"name": name, "description": "", "category_id": categories[category]}
            tag = client.post("/tagging/tag", json={"create_spec": spec}).json()["value"]
            for target in objects:
                address = {"type": type(target).__name__.rpartition(".")[2], "id": target._GetMoId()}
                path = f"/tagging/tag-association/id:{tag}?~action=attach"
                client.post(path, json={"object_id": address}).raise_for_status()


def entities(content: Any, kind: type[vim.ManagedEntity]) -> dict[str, vim.ManagedEntity]:
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    return {entity.name: entity for entity in view.view}


def test_tags_come_with_their_category_and_change_the_stamp_of_whom_they_are_given() -> None:
    with running_vcsim(ESTATE, password=PASSWORD) as simulator, administrator(simulator) as content:
        before = stamps(connector(simulator), "virtual_machine")
        machines, hosts = entities(content, vim.VirtualMachine), entities(content, vim.HostSystem)
        machine, host = machines["lon-sql-01"], hosts["lon-esx-01.corp.example.com"]
        tagged(simulator, {"Stage: Production": [machine, host], "Owner: Finance": [machine], "Stage: Test": []})
        assert read(connector(simulator), "virtual_machine")[0]["lon-sql-01"]["tags"] == [
            "Owner: Finance",
            "Stage: Production",
        ]
        assert read(connector(simulator), "virtual_host")[0][host.name]["tags"] == ["Stage: Production"]
        after = stamps(connector(simulator), "virtual_machine")
        assert {key for key in before if before[key] != after[key]} == {f"{VCENTER_ID}:{machine._GetMoId()}"}
        assert "tags" not in read(connector(simulator, tags=False), "virtual_machine")[0]["lon-sql-01"]
        checks = run_test(connector(simulator), [Category.virtual_machine]).checks["virtual_machine"]
        assert checks[-1].message == "Can read tags; 2 objects have some."


def test_tags_that_cannot_be_told_take_none_away(tmp_path: Path) -> None:
    answers = {
        "/session": "s3ss10n",
        "/tagging/category": ["c1"],
        "/tagging/category/id:c1": {"name": "Stage"},
        "/tagging/tag": ["t1", "t2"],
        "/tagging/tag/id:t1": {"name": "Production", "category_id": "c1"},
    }

    def answer(request: Request) -> Answer:
        # t2 was removed after it had been listed; the other is removed before its objects are asked for.
        found = answers.get(request.path.removeprefix("/rest/com/vmware/cis"))
        return Answer(404) if found is None else Answer(200, json.dumps({"value": found}).encode())

    ca_file, context = certified(tmp_path)
    with serving(answering(answer), context) as address:
        port = int(address.rpartition(":")[2])
        trust = ssl.create_default_context(cafile=str(ca_file))
        with pytest.raises(VSphereError, match="removed meanwhile"):
            tags_by_object("localhost", port, "reader", PASSWORD, context=trust, timeout_seconds=5)
        attached = [{"tag_id": "t1", "object_ids": [{"type": "VirtualMachine", "id": "vm-1"}]}]
        answers["/tagging/tag-association"] = attached
        found = tags_by_object("localhost", port, "reader", PASSWORD, context=trust, timeout_seconds=5)
        assert found == {"vm-1": ["Stage: Production"]}


def test_a_vcenter_without_tags_is_read_without() -> None:
    with running_vcsim(ESTATE, password=PASSWORD, without_tags="true") as simulator:
        assert "tags" not in read(connector(simulator), "virtual_machine")[0]["lon-sql-01"]
        assert run_test(connector(simulator), [Category.virtual_machine]).passed


def test_licences_come_with_their_use_and_without_their_key(simulator: VcSim) -> None:
    rows, refused = read(connector(simulator), "license_feature")
    assert not refused
    evaluation = rows["Evaluation Mode"]
    assert (evaluation["vendor"], evaluation["feature"]) == ("VMware", "eval")
    assert "quantity" not in evaluation  # a total of 0 is no limit
    assert "00000-00000" not in str(rows)
    assert run_test(connector(simulator), [Category.license_server]).passed
