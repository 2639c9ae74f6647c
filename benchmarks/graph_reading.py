"""Managed devices and detected apps from a local Graph server, beside a bare loop and msgraph-sdk's models.

    python -m benchmarks.graph_reading                                  # 100,000 devices, 10,000,000 rows of apps
    python -m benchmarks.graph_reading --devices 5000 --apps 500000
    python -m benchmarks.graph_reading --sync                           # also a first sync and one that finds nothing

The server is a process of its own and has its pages and reports ready. Each way is a process, too: `bare` is an httpx
loop that parses pages by json and reports by csv and throws the values away (the floor); `connector` lists and reads
the tables `device` and `software` into Arrow; `models` reads a sample of the pages through msgraph-sdk's models, scaled
to all. CPU seconds are the client's; memory is the peak resident size of the process. `start` is importing and signing
in. Graph takes about a second for a page of a thousand devices; `--latency` makes the server wait as long.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import mmap
import os
import random
import resource
import ssl
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx

from inventory_pipeline.connectors import intune_devices, intune_software
from inventory_pipeline.connectors.base import Secret
from inventory_pipeline.connectors.intune import Intune
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import run_sync
from inventory_pipeline_tests.counterparts.graph import GraphServer, running_graph
from inventory_pipeline_tests.counterparts.graph_tenant import HEADINGS, Tenant, csv_text, guid, managed_device, zipped

SECRET_VARIABLE = "BENCHMARK_GRAPH_SECRET"
PAGE = 1000
PRODUCTS = 20_000
SAMPLE_PAGES = 3

Figures = dict[str, dict[str, float]]


def _prepare(server: GraphServer, devices: int, apps: int, folder: Path) -> None:
    names = [f"PC-{number:06}" for number in range(devices)]
    prepared = server.answers.prepared
    for start in range(0, devices, PAGE):
        page: dict[str, Any] = {"@odata.context": f"{server.url}/v1.0/$metadata#deviceManagement/managedDevices"}
        if start + PAGE < devices:
            page["@odata.nextLink"] = f"{server.url}/v1.0/deviceManagement/managedDevices?$skiptoken={start + PAGE}"
        page["value"] = [managed_device(name) for name in names[start : start + PAGE]]
        prepared[f"managedDevices {start or None}"] = json.dumps(page).encode()
    inventory = [
        {"DeviceId": guid(name), "ProcessorArchitecture": "9", "EthernetMAC": f"A4BB6D{number:06X}"}
        for number, name in enumerate(names)
    ]
    headed = csv_text(intune_devices.REPORT_COLUMNS, inventory, HEADINGS)
    prepared["DevicesWithInventory"] = zipped("DevicesWithInventory", headed)
    products = [
        {
            "ApplicationKey": guid(f"app {number}").replace("-", "") * 2,
            "ApplicationName": f"Product {number % 7919}, edition {number % 11}",
            "ApplicationPublisher": f"Publisher {number % 911}",
            "ApplicationVersion": f"{number % 30}.{number % 100}.{number}",
            "Platform": "Windows",
        }
        for number in range(PRODUCTS)
    ]
    catalog = [{**row, "ApplicationId": guid(row["ApplicationKey"]), "DeviceCount": "9"} for row in products]
    prepared["AppInvAggregate"] = zipped("AppInvAggregate", csv_text(intune_software.CATALOG_COLUMNS, catalog))
    prepared["AppInvRawData"] = cast(bytes, _raw_report(names, products, apps // devices, folder))


def _raw_report(names: list[str], products: list[dict[str, str]], each: int, folder: Path) -> mmap.mmap:
    told = csv_text(intune_software.APP_COLUMNS, products).splitlines()[1:]
    chance = random.Random(1)
    path = folder / "raw.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("AppInvRawData.csv", "w", force_zip64=True) as out,
    ):
        out.write(("\ufeff" + ",".join(intune_software.RAW_COLUMNS) + "\r\n").encode())
        for name in names:
            key = guid(name)
            out.write("".join(f"{key},{row}\r\n" for row in chance.sample(told, each)).encode())
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _serve(devices: int, apps: int, latency: float) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_graph(Path(folder), Tenant(), polls=1, page_size=PAGE) as server,
    ):
        _prepare(server, devices, apps, Path(folder))
        server.answers.latency = latency
        fields = {"url": server.url, "secret": server.answers.secret, **server.fields}
        print(json.dumps(fields), flush=True)
        sys.stdin.read()


def _bare_pages(client: httpx.Client, address: str, headers: dict[str, str]) -> tuple[int, int]:
    pages = rows = 0
    while address:
        page = json.loads(client.get(address, headers=headers).raise_for_status().content)
        pages, rows = pages + 1, rows + len(page["value"])
        address = page.get("@odata.nextLink")
    return pages, rows


def _bare_report(
    client: httpx.Client, root: str, headers: dict[str, str], report: str, columns: tuple[str, ...]
) -> int:
    jobs = f"{root}/v1.0/deviceManagement/reports/exportJobs"
    body = {"reportName": report, "format": "csv", "select": list(columns)}
    job = client.post(jobs, headers=headers, json=body).raise_for_status().json()
    while job["status"] != "completed":
        job = client.get(f"{jobs}/{job['id']}", headers=headers).raise_for_status().json()
        time.sleep(0.1)
    with tempfile.TemporaryFile() as file:
        with client.stream("GET", job["url"]) as response:
            for chunk in response.iter_raw():
                file.write(chunk)
        with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as stream:
            return sum(1 for _ in csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""))) - 1


def _bare(target: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    root = target["url"]
    client = httpx.Client(verify=ssl.create_default_context(cafile=target["ca_file"]), timeout=120)
    form = {
        "client_id": target["client_id"],
        "client_secret": target["secret"],
        "scope": f"{root}/.default",
        "grant_type": "client_credentials",
    }
    token = client.post(f"{root}/{target['tenant_id']}/oauth2/v2.0/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    yield "start", 0, 0
    _bare_report(client, root, headers, "DevicesWithInventory", intune_devices.REPORT_COLUMNS)
    pages, rows = _bare_pages(client, f"{root}/v1.0/deviceManagement/managedDevices?$top={PAGE}", headers)
    yield "devices", pages, rows
    _bare_report(client, root, headers, "AppInvAggregate", intune_software.CATALOG_COLUMNS)
    yield "apps", 0, _bare_report(client, root, headers, "AppInvRawData", intune_software.RAW_COLUMNS)


def _intune(target: dict[str, Any]) -> Intune:
    fields = {name: target[name] for name in ("tenant_id", "client_id", "graph_url", "login_url", "ca_file")}
    return Intune(name="Graph", client_secret=Secret(env=SECRET_VARIABLE), entra_devices="none", **fields)


def _connector(target: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    connector = _intune(target)
    with connector.opened():
        # Microsoft's libraries take a moment to import, however much is read.
        connector.session.urls.export_jobs(1)
        yield "start", 0, 0
        for phase, table in (("devices", "device"), ("apps", "software")):
            listed = sum(batch.num_rows for batch in connector.keys(table).batches)
            rows = sum(batch.num_rows for batch in connector.read(table))  # pyright: ignore[reportAttributeAccessIssue]
            yield phase, -(-listed // PAGE) if phase == "devices" else 0, rows


def _models(target: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    from azure.identity.aio import ClientSecretCredential
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient
    from msgraph_core import GraphClientFactory

    credential = ClientSecretCredential(
        target["tenant_id"],
        target["client_id"],
        target["secret"],
        authority=target["url"],
        disable_instance_discovery=True,
        connection_verify=target["ca_file"],
    )
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=[f"{target['url']}/.default"], allowed_hosts=["localhost"]
    )
    client = httpx.AsyncClient(verify=ssl.create_default_context(cafile=target["ca_file"]), timeout=120)
    adapter = GraphRequestAdapter(provider, GraphClientFactory.create_with_default_middleware(client=client))
    adapter.base_url = f"{target['url']}/v1.0"
    devices = GraphServiceClient(request_adapter=adapter).device_management.managed_devices

    async def read() -> tuple[int, int]:
        page, pages, rows = await devices.get(), 0, 0
        while page is not None:
            pages, rows = pages + 1, rows + len(page.value or [])
            if pages >= SAMPLE_PAGES or not page.odata_next_link:
                break
            page = await devices.with_url(page.odata_next_link).get()
        await credential.close()
        return pages, rows

    yield "start", 0, 0
    pages, rows = asyncio.run(read())
    yield "devices", pages, rows


def _syncs(target: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    with tempfile.TemporaryDirectory() as folder:
        repository = Store(folder).ensure("main", "Main")
        for phase in ("first sync", "again"):
            report = run_sync(repository, _intune(target))
            print(f"  {report.status}: {report.message}", file=sys.stderr)
            yield phase, 0, sum(log.rows_total for log in report.tables)


_WAYS: dict[str, Callable[[dict[str, Any]], Iterator[tuple[str, int, int]]]] = {
    "bare": _bare,
    "connector": _connector,
    "models": _models,
    "sync": _syncs,
}


def _run(way: str, target: dict[str, Any]) -> Figures:
    found: Figures = {}
    wall, cpu = time.perf_counter(), _cpu_seconds()
    for phase, pages, rows in _WAYS[way](target):
        now, used = time.perf_counter(), _cpu_seconds()
        found[phase] = {
            "pages": pages, "rows": rows, "wall": now - wall, "cpu": used - cpu, "peak_mb": _peak_mb(),
        }  # fmt: skip
        wall, cpu = now, used
    return found


def _measure(way: str, target: dict[str, Any]) -> Figures:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.graph_reading", "--way", way, "--target", "-"]
    environment = {**os.environ, SECRET_VARIABLE: target["secret"]}
    done = subprocess.run(
        command, input=json.dumps(target), stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints a line per way and phase, and ratios to the bare loop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--apps", type=int, default=10_000_000, help="rows of detected apps in all")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that the server waits before each answer")
    parser.add_argument("--sync", action="store_true", help="also run whole syncs into a new repository")
    for hidden in ("--way", "--target", "--serve"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve(options.devices, options.apps, options.latency)
        return
    if options.way:
        print(json.dumps(_run(options.way, json.loads(sys.stdin.read()))))
        return
    sizes = ["--devices", str(options.devices), "--apps", str(options.apps), "--latency", str(options.latency)]
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.graph_reading", "--serve", "1", *sizes],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        target = json.loads(server.stdout.readline())
        ways = ["bare", "connector", "models", *(["sync"] if options.sync else [])]
        found = {way: _measure(way, target) for way in ways}
    finally:
        server.communicate()
    for way, phases in found.items():
        if "apps" in phases:
            phases["devices and apps"] = _together(phases["devices"], phases["apps"])
        for phase, figures in phases.items():
            _print(way, phase, figures, found["bare"].get(phase))


def _together(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    summed = {name: first[name] + second[name] for name in ("rows", "wall", "cpu")}
    return {**summed, "pages": 0, "peak_mb": max(first["peak_mb"], second["peak_mb"])}


def _print(way: str, phase: str, figures: dict[str, float], floor: dict[str, float] | None) -> None:
    rows = figures["rows"]
    scale = floor["rows"] / rows if floor and way == "models" and rows else 1
    wall, cpu = figures["wall"] * scale, figures["cpu"] * scale
    parts = [f"{way:10} {phase:16} {wall:7.1f} s {cpu:7.1f} CPU s  peak {figures['peak_mb']:6,.0f} MB"]
    if rows:
        parts.append(f"{rows * scale:>11,.0f} rows {rows / figures['wall']:>9,.0f}/s")
    if figures["pages"]:
        parts.append(f"{figures['pages'] / figures['wall']:6.1f} pages/s")
    if floor and rows:
        parts.append(f"{wall / floor['wall']:.2f} x wall, {cpu / floor['cpu']:.2f} x CPU of bare")
    print("  ".join([*parts, "(scaled)"] if scale != 1 else parts))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    # Of this program since it was started; getrusage would include what its parent had before.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
