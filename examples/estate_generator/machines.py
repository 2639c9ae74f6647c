"""The true machines of the company: what they are, who uses them, what is installed. Sources see them in part."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from estate_generator.company import (
    DOMAIN,
    DOMAIN_SID,
    LAB_DOMAIN,
    LAB_NETBIOS_DOMAIN,
    LAB_SID,
    NETBIOS_DOMAIN,
    NOW,
    SITES,
    Person,
    Site,
)
from estate_generator.facts import Facts, Model, Processor, Title

LAPTOPS, DESKTOPS, UNBRANDED, SERVERS, LINUX, MACS, MOBILES, LAB = 156, 36, 8, 34, 18, 16, 20, 14
_OUIS = {"Dell Inc.": "D8:9E:F3", "HP": "3C:52:82", "LENOVO": "E8:6A:64", "Microsoft Corporation": "28:18:78"}
_BRANDS = {"Dell Inc.": "dell", "HP": "hp", "LENOVO": "lenovo", "FUJITSU": "fujitsu"}
_DIGITS = "0123456789ABCDEFGHJKLMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class System:
    """An operating system as its own inventory spells it."""

    name: str
    version: str
    build: str
    update_product: str
    marketing: str = ""


CLIENTS = (
    (System("Microsoft Windows 11 Enterprise", "10.0.26100", "26100", "Windows 11", "24H2"), 60),
    (System("Microsoft Windows 11 Enterprise", "10.0.22631", "22631", "Windows 11", "23H2"), 24),
    (
        System("Microsoft Windows 10 Enterprise", "10.0.19045", "19045", "Windows 10, version 1903 and later", "22H2"),
        16,
    ),
)
SERVER_SYSTEMS = (
    (
        System(
            "Microsoft Windows Server 2022 Standard", "10.0.20348", "20348", "Microsoft Server operating system-21H2"
        ),
        5,
    ),
    (System("Microsoft Windows Server 2019 Standard", "10.0.17763", "17763", "Windows Server 2019"), 4),
    (System("Microsoft Windows Server 2016 Standard", "10.0.14393", "14393", "Windows Server 2016"), 2),
)
UBUNTU = System("Ubuntu 24.04.1 LTS", "24.04", "", "")
RHEL = System("Red Hat Enterprise Linux 9.4 (Plow)", "9.4", "", "")
MACOS = System("macOS", "15.6.1", "24G90", "")
IOS, ANDROID = System("iOS", "18.6.2", "", ""), System("Android", "15", "", "")
ESX = System("VMware ESXi", "8.0.2", "22380479", "")


@dataclass(slots=True)
class Installed:
    """A title on a machine: when it came, when it was last used where that is seen."""

    title: Title
    install_date: date | None
    last_used: datetime | None = None


@dataclass(slots=True)
class Machine:
    """A machine as it really is. `seen` are the sources that know it; mishaps change what these say of it."""

    number: int
    kind: str
    name: str
    site: Site
    model: Model
    system: System
    owner: Person | None
    processor: Processor
    sockets: int
    memory_mb: int
    serial_number: str
    smbios_uuid: uuid.UUID
    mac_addresses: list[str]
    ip_address: str
    inventory_date: datetime
    domain: str = DOMAIN
    purchase_date: date | None = None
    asset_tag: str = ""
    imei: str = ""
    host: Machine | None = None
    instance_uuid: uuid.UUID | None = None
    software: list[Installed] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    reports_usage: bool = True

    @property
    def id(self) -> str:
        """The true identity."""
        return f"M{self.number:04d}"

    @property
    def is_windows(self) -> bool:
        """True for Windows of any kind."""
        return self.system.name.startswith("Microsoft Windows")

    @property
    def is_server(self) -> bool:
        """True for Windows servers."""
        return "Server" in self.system.name

    @property
    def is_virtual(self) -> bool:
        """True for virtual machines."""
        return self.model.kind == "vm"

    @property
    def fqdn(self) -> str:
        """Full name in its domain."""
        return f"{self.name.lower()}.{self.domain}"

    @property
    def netbios_domain(self) -> str:
        """Short name of its domain."""
        return LAB_NETBIOS_DOMAIN if self.domain == LAB_DOMAIN else NETBIOS_DOMAIN

    @property
    def sid(self) -> str:
        """Security identifier of its account."""
        return f"{LAB_SID if self.domain == LAB_DOMAIN else DOMAIN_SID}-{40000 + self.number}"


class Builder:
    """Makes machines, one kind after the other, from one stream of random numbers."""

    def __init__(self, facts: Facts, people: Sequence[Person], dice: random.Random) -> None:
        self.facts, self.dice = facts, dice
        self.people = [person for person in people if person.enabled]
        self.machines: list[Machine] = []

    def build(self) -> list[Machine]:
        """All machines."""
        owners = self.dice.sample(self.people, len(self.people))
        hosts = [self._host(number) for number in range(1, 9)]
        for number in range(LAPTOPS):
            self._client("laptop", "LT", owners[number % len(owners)])
        for number in range(DESKTOPS):
            self._client("desktop", "DT", owners[(LAPTOPS + number) % len(owners)])
        for number in range(UNBRANDED):
            self._client("desktop_unbranded", "DT", owners[(LAPTOPS + DESKTOPS + number) % len(owners)])
        for number in range(SERVERS):
            self._server(number, hosts)
        for number in range(LINUX):
            self._linux(number, hosts)
        for number in range(MACS):
            self._mac(owners[-1 - number])
        for number in range(MOBILES):
            self._mobile(owners[-1 - number])
        for number in range(LAB):
            self._lab(number)
        return self.machines

    def _add(self, kind: str, code: str, site: Site, model: Model, system: System, **facts: object) -> Machine:
        number = len(self.machines) + 1
        same = sum(machine.name.startswith(f"{site.code}-{code}-") for machine in self.machines) + 1
        values: dict[str, object] = {
            "number": number,
            "kind": kind,
            "name": f"{site.code}-{code}-{same:04d}",
            "site": site,
            "model": model,
            "system": system,
            "owner": None,
            "sockets": 1,
            "memory_mb": self.dice.choice((8192, 16384, 16384, 32768)),
            "serial_number": self._serial(model.manufacturer),
            "smbios_uuid": self._uuid(),
            "mac_addresses": [self._mac_address(model.manufacturer)],
            "ip_address": f"10.{site.network}.{number // 200}.{number % 200 + 10}",
            "inventory_date": self._recently(),
            "asset_tag": f"KR{10000 + number}",
            "purchase_date": NOW.date() - timedelta(days=self.dice.randrange(60, 1700)),
            **facts,
        }
        machine = Machine(**values)  # pyright: ignore[reportArgumentType]
        self.machines.append(machine)
        return machine

    def _client(self, kind: str, code: str, owner: Person) -> None:
        model = self._weighted(self.facts.models[kind])
        system = self.dice.choices([system for system, _ in CLIENTS], [share for _, share in CLIENTS])[0]
        brand = next((value for maker, value in _BRANDS.items() if model.manufacturer.startswith(maker)), "")
        processor = self.dice.choice(self.facts.processors_for("laptop" if kind == "laptop" else "desktop"))
        machine = self._add(kind, code, owner.site, model, system, owner=owner, processor=processor)
        if kind == "laptop":
            machine.mac_addresses.append(self._mac_address("Intel"))
        audiences = {"client", "physical", "domain", owner.department.audience}
        audiences |= {brand} if brand else set()
        audiences |= {"laptop"} if kind == "laptop" else set()
        audiences |= {"amd"} if "AMD" in processor.name else set()
        audiences |= {"legacy"} if self.dice.random() < 0.07 else set()
        machine.seen = {"configmgr", "wsus", "register"}
        machine.reports_usage = self.dice.random() < 0.9
        self._install(machine, audiences)

    def _host(self, number: int) -> Machine:
        site = (
            SITES["LON"],
            SITES["LON"],
            SITES["LON"],
            SITES["LON"],
            SITES["MUC"],
            SITES["MUC"],
            SITES["MUC"],
            SITES["LYS"],
        )[number - 1]
        model = self._weighted(self.facts.models["esx"])
        machine = self._add(
            "esx", "ESX", site, model, ESX, processor=self.dice.choice(self.facts.processors_for("esx")), sockets=2,
            memory_mb=524288, reports_usage=False,
        )  # fmt: skip
        machine.seen = {"vcenter", "register"}
        return machine

    def _server(self, number: int, hosts: Sequence[Machine]) -> None:
        system = self.dice.choices([system for system, _ in SERVER_SYSTEMS], [share for _, share in SERVER_SYSTEMS])[0]
        roles = [{"sql"}, {"web"}, {"sql", "web"}, {"backup"}, {"licserver"}, {"oracle"}, {"tableau"}, set(), set()][
            number % 9
        ]
        is_physical = number % 8 == 7
        host = self.dice.choice(hosts)
        processor = self.dice.choice(self.facts.processors_for("server"))
        if is_physical:
            machine = self._add(
                "server", "SRV", SITES["LON"], self._weighted(self.facts.models["server"]), system, processor=processor,
                sockets=2, memory_mb=131072,
            )  # fmt: skip
        else:
            machine = self._virtual("server", "SRV", host, system, host.processor)
        machine.seen |= {"configmgr", "wsus", "register"}
        machine.reports_usage = number % 3 == 0
        dell = {"dellserver"} if is_physical and machine.model.manufacturer.startswith("Dell") else set()
        extra = {"physical"} if is_physical else {"vmware"}
        self._install(machine, {"server", "domain", *roles, *dell, *extra})

    def _linux(self, number: int, hosts: Sequence[Machine]) -> None:
        system = UBUNTU if number % 3 else RHEL
        host = self.dice.choice(hosts)
        machine = self._virtual("linux", "LNX", host, system, host.processor)
        machine.seen |= {"linux"}
        machine.reports_usage = False
        self._install(machine, {"ubuntu" if system is UBUNTU else "rhel"})

    def _virtual(self, kind: str, code: str, host: Machine, system: System, processor: Processor) -> Machine:
        model = self._weighted(self.facts.models["vm"])
        virtual_uuid = uuid.UUID("4205" + self._uuid().hex[4:])
        machine = self._add(
            kind, code, host.site, model, system, processor=processor, host=host,
            memory_mb=self.dice.choice((4096, 8192, 16384, 65536)),
            smbios_uuid=virtual_uuid, instance_uuid=uuid.UUID("5005" + self._uuid().hex[4:]),
            serial_number=_vmware_serial(virtual_uuid), purchase_date=None, asset_tag="",
        )  # fmt: skip
        machine.mac_addresses = [self._mac_address("VMware, Inc.")]
        machine.seen = {"vcenter"}
        return machine

    def _mac(self, owner: Person) -> None:
        model = self._weighted(self.facts.models["mac"])
        processor = self.dice.choice(self.facts.processors_for("mac"))
        machine = self._add("mac", "MAC", owner.site, model, MACOS, owner=owner, processor=processor)
        machine.seen = {"mac", "register"}
        machine.reports_usage = False
        self._install(machine, {"mac"})

    def _mobile(self, owner: Person) -> None:
        model = self._weighted(self.facts.models["mobile"])
        system = IOS if model.manufacturer == "Apple" else ANDROID
        processor = self.facts.processors_for("mac")[0]
        machine = self._add("mobile", "MOB", owner.site, model, system, owner=owner, processor=processor)
        machine.imei = self._imei()
        machine.seen = {"mobile"}
        machine.reports_usage = False

    def _lab(self, number: int) -> None:
        system = CLIENTS[2][0] if number % 2 else CLIENTS[0][0]
        model = self._weighted(self.facts.models["desktop"])
        processor = self.dice.choice(self.facts.processors_for("desktop"))
        machine = self._add("lab", "LAB", SITES["MUC"], model, system, processor=processor, domain=LAB_DOMAIN)
        machine.seen = {"lab", "wsus"}
        machine.reports_usage = False
        self._install(machine, {"client", "physical", "analyst"})

    def _install(self, machine: Machine, audiences: set[str]) -> None:
        for versions in self.facts.items.values():
            first = versions[0]
            if not first.audience & audiences or first.language not in ("", machine.site.language):
                continue
            if self.dice.random() * 100 >= first.share:
                continue
            newest = len(versions) - 1
            chosen = {newest - min(newest, int(self.dice.expovariate(1.4)))}
            if newest and self.dice.random() < 0.05:
                chosen.add(self.dice.randrange(newest + 1))
            for place in sorted(chosen):
                age = self.dice.randrange(3, 900) if place < newest else self.dice.randrange(1, 240)
                day = None if self.dice.random() < 0.12 else NOW.date() - timedelta(days=age)
                machine.software.append(Installed(versions[place], day))

    def _weighted(self, models: Sequence[Model]) -> Model:
        return self.dice.choices(models, [model.weight for model in models])[0]

    def _recently(self) -> datetime:
        days = self.dice.expovariate(0.45) if self.dice.random() < 0.92 else self.dice.uniform(31, 200)
        return (NOW - timedelta(days=days, minutes=self.dice.randrange(600))).replace(microsecond=0)

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.dice.getrandbits(128), version=4)

    def _serial(self, manufacturer: str) -> str:
        length = {"Dell Inc.": 7, "HP": 10, "HPE": 10, "LENOVO": 8}.get(manufacturer, 12)
        return "".join(self.dice.choice(_DIGITS) for _ in range(length))

    def _mac_address(self, manufacturer: str) -> str:
        oui = "00:50:56" if manufacturer.startswith("VMware") else _OUIS.get(manufacturer, "A4:BB:6D")
        return ":".join([oui, *(f"{self.dice.randrange(256):02X}" for _ in range(3))])

    def _imei(self) -> str:
        body = "35" + "".join(str(self.dice.randrange(10)) for _ in range(12))
        total = sum(sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(body))
        return f"{body}{-total % 10}"


def use(machines: Iterable[Machine], facts: Facts, dice: random.Random) -> None:
    """Says when programs that usage can be seen of were last used: most lately, some long ago, some never."""
    watched = {program.product for program in facts.programs}
    for machine in machines:
        if not machine.reports_usage:
            continue
        for installed in machine.software:
            if installed.title.product not in watched or installed.title.kind != "application":
                continue
            fate = dice.random()
            if fate < 0.2:
                continue
            days = dice.uniform(0, 20) if fate < 0.7 else dice.uniform(32, 85) if fate < 0.83 else dice.uniform(95, 500)
            moment = machine.inventory_date - timedelta(days=days)
            if installed.install_date is None or moment.date() >= installed.install_date:
                installed.last_used = moment.replace(microsecond=0)


def _vmware_serial(value: uuid.UUID) -> str:
    digits = value.hex
    pairs = [digits[place : place + 2] for place in range(0, 32, 2)]
    return f"VMware-{' '.join(pairs[:8])}-{' '.join(pairs[8:])}"
