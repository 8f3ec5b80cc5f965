"""What a notification says to people where the configuration gives no template, and what a template may use."""

from collections.abc import Mapping
from typing import Any

from app.notifiers.base import Notification, Undelivered
from app.notifiers.rendering import rendered_apart
from app.notifiers.templates import Format, TemplateFault, rendered

PATH = "/{{ capture.id }}/{{ artifact.name }}"
TITLE = "{{ alertname or 'Capture' }}: {{ service or host or 'no process' }} {{ event }}"
BODY = """\
{% if target %}
{{ target.service or target.exe }} (pid {{ target.pid }}) on {{ host }}
{% endif %}
{% if reason %}
{{ reason.message }}
{% endif %}
{% for finding in findings[:5] %}
- {{ finding.severity }}: {{ finding.title }}
{% endfor %}
{% if findings|length > 5 %}
and {{ findings|length - 5 }} more findings
{% endif %}
{{ link }}
"""
OURS = frozenset({PATH, TITLE, BODY})  # they are known to do little


def context(notification: Notification) -> dict[str, Any]:
    """The names that a template may use: those of the documented JSON, and short ones for what is shown most."""
    capture: Mapping[str, Any] = notification.document["capture"]
    trigger, target = capture["trigger"], capture["target"] or {}
    short = {name: capture[name] for name in ("target", "reason", "findings", "artifacts")}
    return {
        **notification.document,
        **short,
        "alertname": trigger.get("alertname", ""),
        "labels": trigger.get("labels", {}),
        "annotations": trigger.get("annotations", {}),
        "service": target.get("service", ""),
        "host": target.get("host", ""),
    }


def text_of(template: str, format_: Format, notification: Notification, **more: Any) -> str:
    """The rendered template. more: further names that it may use. Raises Undelivered, final for a template's fault."""
    render = rendered if template in OURS else rendered_apart
    try:
        return render(template, format_, {**context(notification), **more}).strip()
    except TemplateFault as fault:
        raise Undelivered(str(fault), final=True) from fault
    except OSError as fault:
        raise Undelivered(f"no process to render the template in: {fault.strerror}") from fault
