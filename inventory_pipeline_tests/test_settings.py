"""inventory.yaml: what is accepted, and what an error says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.records import Category
from inventory_pipeline.settings import load_settings, settings_path
from inventory_pipeline.settings.cron import cron_problem
from inventory_pipeline.settings.schema import configuration_schema
from inventory_pipeline.settings.yaml_source import parse_yaml

SECRET = "correct-horse-battery"


def write(folder: Path, text: str) -> Path:
    path = folder / "inventory.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    settings = load_settings(
        write(
            tmp_path,
            """
data_dir: store
repositories:
  - name: Default Inventory
    consolidate_after_syncs: false
  - Lab
connectors:
  - name: Branch Files
    type: file_upload
    folder: incoming
    data_to_sync: [software, device]
    run_consolidation_reports: true
    schedules: [{cron: "0 2 * * mon-fri", time_zone: Europe/London, repository: Lab}]
  - name: vCenter Rack 1
    type: vcenter
    enabled: false
    host: vc.example.com
    username: inventory
    password: {env: VC_PASSWORD}
    ca_file: certificates/ca.pem
usage: {unused_after_days: 120}
sync: {guard_share: 0.5}
""",
        )
    )
    assert settings.data_url == str(tmp_path / "store")
    assert settings.ledger_url == f"sqlite:///{tmp_path}/store/ledger.sqlite"
    assert [r.slug for r in settings.repositories] == ["default_inventory", "lab", "default_entitlement"]
    assert settings.repository().slug == "default_inventory"
    assert settings.repository(kind="entitlement").slug == "default_entitlement"
    files, vcenter = settings.connectors
    assert files.error is None and vcenter.error is None
    assert files.data_to_sync == (Category.device, Category.software)
    assert files.require().folder == str(tmp_path / "incoming")  # type: ignore[attr-defined]
    assert files.options.schedules[0].repository == "lab"
    assert vcenter.slug == "vcenter_rack_1" and not vcenter.options.enabled
    assert vcenter.require().ca_file == str(tmp_path / "certificates/ca.pem")  # type: ignore[attr-defined]
    assert settings.consolidation.usage.unused_after_days == 120
    assert settings.sync.guard_share == 0.5


def test_an_empty_file_is_a_configuration_without_connectors(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "# nothing yet\n"))
    assert settings.connectors == ()
    assert [r.slug for r in settings.repositories] == ["default_inventory", "default_entitlement"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("type: vcentre", "line 3: there is no connector type 'vcentre'"),
        ("folder: x", "line 2: a connector needs a `type`"),
        ("type: file_upload", "`folder` is missing"),
        ("type: file_upload\n    foldr: x", "line 4: `foldr` is not known here. Did you mean `folder`?"),
        ("type: file_upload\n    folder: x\n    data_to_sync: [entitlement]", "does not bring entitlement"),
        ("type: file_upload\n    folder: x\n    data_to_sync: []", "`data_to_sync`"),
        ("type: file_upload\n    folder: x\n    settle_seconds: long", "line 5: `settle_seconds`"),
        ('type: file_upload\n    folder: x\n    schedules: [{cron: "61 * * * *"}]', "'61' is no minute"),
        (
            'type: file_upload\n    folder: x\n    schedules:\n      - cron: "0 2 * * *"\n        time_zone: Mars/Base',
            "line 7: `schedules.0.time_zone`: there is no time zone 'Mars/Base'",
        ),
        (
            'type: file_upload\n    folder: x\n    schedules: [{cron: "0 2 * * *", repository: attic}]',
            "there is no repository 'attic'",
        ),
        (
            f"type: vcenter\n    host: h\n    username: u\n    password: {SECRET}",
            "line 6: password holds a literal value, and secrets do not stand in this file. Write `password: {env:",
        ),
        (f"type: vcenter\n    host: https://u:{SECRET}@h\n    username: u", "line 4: host holds a password"),
    ],
)
def test_a_bad_entry_is_an_error_with_its_line_and_leaves_the_others_alone(
    tmp_path: Path, entry: str, expected: str
) -> None:
    text = f"connectors:\n  - name: Bad\n    {entry}\n  - name: Good\n    type: file_upload\n    folder: y\n"
    bad, good = load_settings(write(tmp_path, text)).connectors
    assert good.error is None and good.connector is not None
    assert bad.connector is None and bad.error is not None
    assert expected in bad.error
    assert SECRET not in repr(bad)
    with pytest.raises(ConfigurationError, match="Bad"):
        bad.require()


def test_two_connectors_of_one_name_are_one_and_an_error(tmp_path: Path) -> None:
    text = "connectors:\n" + "  - {name: The Files, type: file_upload, folder: x}\n" * 2
    first, second = load_settings(write(tmp_path, text)).connectors
    assert first.error is None
    assert second.error == "inventory.yaml line 3: line 2 has a connector of the same name. Rename one."
    assert first.slug != second.slug


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data_dir: [a", "this is not YAML"),
        ("- a\n- b\n", "`key: value`"),
        ("dat_dir: x\n", "line 1: `dat_dir` is not known here. Did you mean `data_dir`?"),
        ("data_dir: x\n\ndata_dir: y\n", "line 3: data_dir stands here and on line 1"),
        ("sync:\n  guard_share: 7\n", "line 2: `guard_share`"),
        ("usage:\n  unused_days: 7\n", "line 2: `unused_days` is not known here"),
        ("repositories:\n  - {name: A}\n  - {name: a}\n", "line 3: there are two repositories 'a'"),
        ("repositories:\n  - {name: A, kind: other}\n", "line 2: `kind`"),
        ("connectors: none\n", "connectors must be a list"),
        (f"ledger: postgresql://u:{SECRET}@h/db\n", "ledger holds a password"),
        ("alerts: {email: {server: s}}\n", "`email.sender` is missing"),
        ("a: &a [*a]\n", "inventory.yaml line 1"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, text))
    assert expected in str(caught.value)
    assert SECRET not in str(caught.value)


def test_every_problem_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, "sync: {guard_share: 7}\nretention: {releases_days: -1}\nnonsense: 1\n"))
    assert len(str(caught.value).splitlines()) == 3


def test_the_ledger_url_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(write(tmp_path, "ledger: {env: LEDGER_URL}\n"))
    with pytest.raises(ConfigurationError, match="LEDGER_URL is not set"):
        _ = settings.ledger_url
    monkeypatch.setenv("LEDGER_URL", f"postgresql://u:{SECRET}@h/db")
    assert settings.ledger_url.endswith("@h/db")
    assert SECRET not in repr(settings)


def test_relative_sqlite_urls_follow_the_file(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "ledger: sqlite:///state/ledger.sqlite\n"))
    assert settings.ledger_url == f"sqlite:///{tmp_path}/state/ledger.sqlite"


def test_the_file_is_found_by_variable_then_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        write(folder, "")
    monkeypatch.chdir(here)
    monkeypatch.delenv("INVENTORY_CONFIG", raising=False)
    assert settings_path() == here / "inventory.yaml"
    monkeypatch.setenv("INVENTORY_CONFIG", str(there / "inventory.yaml"))
    assert settings_path() == there / "inventory.yaml"
    monkeypatch.setenv("INVENTORY_CONFIG", str(there / "missing.yaml"))
    with pytest.raises(ConfigurationError, match=r"missing\.yaml"):
        settings_path()


@pytest.mark.parametrize("text", ["0 2 * * *", "*/15 * * * *", "0 8-18/2 * jan,jul mon-fri", "0 0 l * *", "@daily"])
def test_cron_expressions_that_are_meant(text: str) -> None:
    assert cron_problem(text) is None


@pytest.mark.parametrize("text", ["", "0 2 * *", "60 * * * *", "* 24 * * *", "0 0 0 * *", "*/0 * * * *", "0 5-2 * * *"])
def test_cron_expressions_that_are_not(text: str) -> None:
    assert cron_problem(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz_", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(_VALUES)
def test_yaml_is_read_as_pyyaml_reads_it(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    assert parse_yaml(text, Path("x.yaml")).data == yaml.safe_load(text)


def test_the_schema_accepts_what_is_accepted_and_refuses_literal_secrets() -> None:
    schema = configuration_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    entry = {"name": "v", "type": "vcenter", "host": "h", "username": "u", "password": {"env": "P"}}
    good = {"connectors": [entry, {"name": "f", "type": "file_upload", "folder": "x"}], "repositories": ["A"]}
    assert list(validator.iter_errors(good)) == []
    for change in ({"password": SECRET}, {"hots": "h"}, {"type": "vcentre"}, {"schedules": [{"time_zone": "UTC"}]}):
        assert list(validator.iter_errors({"connectors": [{**entry, **change}]})), change


def test_the_shipped_schema_is_the_generated_one() -> None:
    path = Path(__file__).parents[1] / "docs" / "inventory.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == configuration_schema(), "run `inventory schema -o " + str(
        path
    )
