"""Tells people when an action failed: by the log always, by e-mail and webhook where they are configured."""

import json
import logging
import smtplib
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage

import dagster as dg

from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.runtime import Runtime
from inventory_pipeline.settings.models import AlertSettings, EmailAlert

TIMEOUT_SECONDS = 20
log = logging.getLogger("inventory_pipeline.alerts")


@dataclass(frozen=True, slots=True)
class Alert:
    """A failed action, as it is told."""

    action: str
    repository: str
    run_id: str
    message: str

    @property
    def subject(self) -> str:
        """One line."""
        return f"Failed: {self.action}" + (f" ({self.repository})" if self.repository else "")


def alert_sensor(runtime: Runtime) -> dg.SensorDefinition:
    """A sensor on failed runs; switched on when somebody is to be told."""
    settings = runtime.settings.alerts
    wanted = settings.email is not None or settings.webhook is not None

    @dg.run_failure_sensor(
        name="alert_on_failure",
        default_status=dg.DefaultSensorStatus.RUNNING if wanted else dg.DefaultSensorStatus.STOPPED,
        description="Tells the configured people when a run failed (`alerts` in inventory.yaml).",
    )
    def alert_on_failure(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        alert = Alert(
            action=run.tags.get(names.ACTION_TAG, run.job_name),
            repository=run.tags.get(names.PARTITION_TAG, ""),
            run_id=run.run_id,
            message=_cause(context),
        )
        for problem in send_alert(alert, settings):
            context.log.error(problem)

    return alert_on_failure


def _cause(context: dg.RunFailureSensorContext) -> str:
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return data.user_failure_data.description
        if data.error is not None:
            return data.error.message.strip()
    return context.failure_event.message or "The run failed."


def send_alert(alert: Alert, settings: AlertSettings) -> list[str]:
    """Sends the alert on every configured way; returns what went wrong, without addresses that are secrets."""
    log.error("%s: %s", alert.subject, alert.message)
    problems: list[str] = []
    if settings.email is not None:
        try:
            _send_email(alert, settings.email)
        except (OSError, smtplib.SMTPException, ConfigurationError) as error:
            problems.append(f"The alert could not be sent by e-mail over {settings.email.server}: {error}")
    if settings.webhook is not None:
        try:
            _post(alert, settings.webhook.reveal())
        except urllib.error.HTTPError as error:
            problems.append(f"The webhook of {settings.webhook.env} answered {error.code}.")
        except ConfigurationError as error:
            problems.append(str(error))
        except (OSError, ValueError):
            problems.append(f"The webhook of {settings.webhook.env} could not be reached.")
    return problems


def _send_email(alert: Alert, email: EmailAlert) -> None:
    message = EmailMessage()
    message["Subject"] = alert.subject.replace("\n", " ")
    message["From"] = email.sender
    message["To"] = ", ".join(email.recipients)
    message.set_content(f"{alert.message}\n\nRun {alert.run_id}\n")
    with smtplib.SMTP(email.server, email.port, timeout=TIMEOUT_SECONDS) as smtp:
        if email.start_tls:
            smtp.starttls(context=ssl.create_default_context())
        if email.username and email.password:
            smtp.login(email.username, email.password.reveal())
        smtp.send_message(message)


def _post(alert: Alert, url: str) -> None:
    if not url.startswith(("https://", "http://")):
        raise ValueError("not an HTTP address")
    body = {
        "text": f"{alert.subject}\n{alert.message}",
        "action": alert.action,
        "repository": alert.repository,
        "run_id": alert.run_id,
        "message": alert.message,
    }
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
        pass
