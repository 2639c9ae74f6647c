"""The form of the connector to 1E, and what in it does not fit together."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from inventory_pipeline.connectors.base import Connector, Secret
from inventory_pipeline.connectors.one_e_questions import DEVICE, QUESTIONS
from inventory_pipeline.connectors.one_e_signin import Application, WindowsAccount, load_application
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.records import TABLES


class OneESettings(Connector):
    """Where the platform is, how to sign in, and which of its instructions are to be asked."""

    url: str = Field(description="Address of the Consumer API, https://host/consumer.")
    username: str | None = Field(
        default=None, description="Windows account, DOMAIN\\user, that is a user of 1E; signs in by NTLM or Basic."
    )
    password: Secret | None = Field(default=None, description="Password of the account.")
    application_id: str | None = Field(
        default=None, description="Application (client) ID, to sign in by certificate in place of an account."
    )
    certificate_file: str | None = Field(
        default=None, description="PEM or PFX file with the application's certificate and private key."
    )
    certificate_password: Secret | None = Field(default=None, description="Password of certificate_file.")
    consumer: str = Field(
        default="Explorer",
        description="Name of the registered consumer that requests are made as (Settings, Consumers).",
    )
    stagger_seconds: int = Field(
        default=60, ge=0, description="Time over which devices spread their answers, so that they do not come at once."
    )
    instruction_timeout_minutes: float = Field(
        default=60, gt=0, description="Longest wait for the answers to one question; then it is ended."
    )
    usage_days: int = Field(default=90, gt=0, description="Days for which use of software is asked.")
    instruction_set: str = Field(
        default="1E Inventory", description="Instruction set that questions are looked for in."
    )
    instruction_names: dict[str, str] = Field(
        default={},
        description="Names or ids of the instructions for processor, software, usage and patch, if they are not found: "
        "`software: Our-Software`.",
    )
    instruction_columns: dict[str, dict[str, str]] = Field(
        default={}, description="Columns of an instruction by canonical column, `software: {title: AppName}`."
    )
    instruction_parameters: dict[str, dict[str, str]] = Field(
        default={}, description="Parameters of an instruction, `patch: {source: WSUSL}`."
    )
    patch_states: dict[str, str] = Field(
        default={}, description="What words for the state of a patch mean, `superseded: not_applicable`."
    )
    date_format: str | None = Field(
        default=None,
        description="Form of dates in answers where it is not ISO 8601, as strptime writes it: `%d/%m/%Y`.",
    )
    ca_file: str | None = Field(default=None, description="PEM file of the authority that signed the certificate.")
    proxy: str | None = Field(default=None, description="Proxy, such as http://proxy.example.com:8080.")
    page_size: int = Field(default=2000, gt=1, le=50_000, description="Devices or responses per page.")
    timeout_seconds: int = Field(default=120, gt=0, description="Longest wait for one answer of the server.")
    patience_seconds: float = Field(
        default=900, gt=0, description="Longest wait in a row while the server throttles or is not available."
    )

    def check_settings(self) -> None:
        """Settings that do not fit.

        Raises:
            ConfigurationError: naming the setting and what to write.
        """
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.path.rstrip("/").lower().endswith("/consumer"):
            raise self._wrong("url is no https address that ends in /consumer.", "Write https://host/consumer.")
        if self.stagger_seconds >= self.instruction_timeout_minutes * 60:
            raise self._wrong(
                "stagger_seconds is not less than the instruction timeout.", "Raise instruction_timeout_minutes."
            )
        for name in ("instruction_names", "instruction_columns", "instruction_parameters"):
            if unknown := sorted(set(getattr(self, name)) - set(QUESTIONS)):
                raise self._wrong(f"{name} knows no {', '.join(unknown)}.", f"Choose from: {', '.join(QUESTIONS)}.")
        for key, columns in self.instruction_columns.items():
            own = [c for table in QUESTIONS[key].tables for c in TABLES[table].column_names if c != DEVICE]
            if unknown := sorted(set(columns) - set(own)):
                raise self._wrong(
                    f"instruction_columns of {key} knows no {', '.join(unknown)}.",
                    f"Choose from: {', '.join(dict.fromkeys(own))}.",
                )
        states = TABLES["patch_state"].column("state").values
        if unknown := sorted(set(self.patch_states.values()) - set(states)):
            raise self._wrong(f"patch_states knows no {', '.join(unknown)}.", f"Choose from: {', '.join(states)}.")

    def signs_in(self) -> WindowsAccount | Application:
        """The way to sign in.

        Raises:
            ConfigurationError: none is given, or two. OneEError: the certificate cannot be read.
        """
        account, application = self.username and self.password, self.application_id and self.certificate_file
        if bool(account) == bool(application):
            raise self._wrong(
                "there are two ways to sign in." if account else "there is no account.",
                "Give username and password, or application_id and certificate_file.",
            )
        if self.username and self.password:
            return WindowsAccount(self.username, self.password.reveal(), urlsplit(self.url).hostname or "")
        secret = self.certificate_password.reveal() if self.certificate_password else None
        return load_application(self.application_id or "", Path(self.certificate_file or ""), secret)

    def _wrong(self, message: str, cure: str) -> ConfigurationError:
        return ConfigurationError(message, subject=self.name, cure=cure)
