"""Who the invented company is: sites, domains, departments, people."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

COMPANY = "Kestrel & Rowe Analytical"
# The estate's "now", a month after the newest of the catalog sources. Ages are measured against the newest inventory
# date and never against the clock, so the estate looks the same in every year it is generated in.
NOW = datetime(2026, 9, 15, 12, 0)
DOMAIN, NETBIOS_DOMAIN = "kestrelrowe.example", "KESTRELROWE"
LAB_DOMAIN, LAB_NETBIOS_DOMAIN = "lab.kestrelrowe.example", "KRLAB"
DOMAIN_SID = "S-1-5-21-1938276015-3310942277-902415588"
LAB_SID = "S-1-5-21-2750931164-1184420093-3377201945"


@dataclass(frozen=True, slots=True)
class Site:
    """An office: prefix of its names, language of its Windows, second octet of its networks."""

    code: str
    city: str
    country: str
    language: str
    network: int


SITES = {
    "LON": Site("LON", "London", "GB", "en", 20),
    "MUC": Site("MUC", "Munich", "DE", "de", 30),
    "LYS": Site("LYS", "Lyon", "FR", "fr", 40),
}


@dataclass(frozen=True, slots=True)
class Department:
    """A department, its share of the people, and the audience of software that it belongs to."""

    name: str
    share: int
    audience: str
    titles: tuple[str, ...]


DEPARTMENTS = (
    Department("Analytics", 30, "analyst", ("Analyst", "Senior Analyst", "Statistician", "Data Scientist")),
    Department("Engineering", 20, "dev", ("Software Engineer", "Data Engineer", "Engineering Manager")),
    Department("Sales", 14, "sales", ("Account Manager", "Sales Engineer")),
    Department("Finance", 11, "finance", ("Controller", "Accountant", "Payroll Specialist")),
    Department("Information Technology", 9, "it", ("System Administrator", "Service Desk Analyst", "IT Manager")),
    Department("Design", 6, "design", ("Designer", "Illustrator")),
    Department("Human Resources", 4, "hr", ("HR Partner", "Recruiter")),
    Department("Legal", 3, "legal", ("Counsel", "Paralegal")),
    Department("Executive", 3, "exec", ("Director", "Chief of Staff")),
)

_FIRST = {
    "en": "Alice Ben Charlotte Daniel Emma Freya George Hannah Isaac Jack Katie Liam Megan Noah Olivia Priya Rhys "
    "Sophie Tariq William",
    "de": "Anna Bernd Clara Dieter Eva Florian Greta Hans Ingrid Jürgen Katrin Lukas Marlene Niklas Petra Ralf Sabine "
    "Thomas Ulrike Jörg",
    "fr": "Aurélie Benoît Camille Didier Élodie François Gaëlle Hugo Inès Julien Karine Loïc Manon Nathalie Olivier "
    "Pauline Rémi Sandrine Théo Zoé",
}
_LAST = {
    "en": "Abbott Barker Clarke Davies Ellis Fletcher Grant Hughes Iqbal Jenkins Khan Lawson Mason Newton O'Brien "
    "Patel Quinn Reid Shaw Turner",
    "de": "Auer Bäcker Dietrich Engel Fischer Groß Huber Jäger Köhler Lang Müller Neumann Oswald Pfeiffer Richter "
    "Schäfer Thoma Vogel Weiß Zöllner",
    "fr": "André Bernard Chevalier Durand Étienne Fontaine Girard Hébert Lefèvre Martin Noël Pelletier Renaud Simon "
    "Toussaint Vallée Dupont Rousseau Perrin Aubry",
}


@dataclass(frozen=True, slots=True)
class Person:
    """An employee with an account in the domain."""

    number: int
    account: str
    first_name: str
    last_name: str
    department: Department
    job_title: str
    site: Site
    enabled: bool
    last_sign_in: datetime

    @property
    def display_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def upn(self) -> str:
        """User principal name, which is the e-mail address, too."""
        return f"{self.account}@kestrelrowe.example"

    @property
    def domain_account(self) -> str:
        """DOMAIN\\account."""
        return f"{NETBIOS_DOMAIN}\\{self.account}"

    @property
    def sid(self) -> str:
        """Security identifier of the account."""
        return f"{DOMAIN_SID}-{20000 + self.number}"


def employ(dice: random.Random, count: int) -> list[Person]:
    """`count` people: half in London, the rest in Munich and Lyon; one in twenty-five has left."""
    people: list[Person] = []
    taken: set[str] = set()
    for number in range(1, count + 1):
        site = dice.choices(list(SITES.values()), (50, 30, 20))[0]
        first = dice.choice(_FIRST[site.language].split())
        last = dice.choice(_LAST[site.language].split())
        account = _account(first, last, taken)
        department = dice.choices(DEPARTMENTS, [d.share for d in DEPARTMENTS])[0]
        enabled = number % 25 != 0
        days = dice.uniform(0, 6) if enabled else dice.uniform(60, 300)
        people.append(
            Person(
                number,
                account,
                first,
                last,
                department,
                dice.choice(department.titles),
                site,
                enabled,
                (NOW - timedelta(days=days)).replace(microsecond=0),
            )
        )
    return people


def _account(first: str, last: str, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", f"{first[0]}{last}".replace("ß", "ss"))
    stem = "".join(c for c in plain.lower() if c.isascii() and c.isalnum())
    account, number = stem, 2
    while account in taken:
        account, number = f"{stem}{number}", number + 1
    taken.add(account)
    return account
