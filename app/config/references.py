"""What one part of the file says of another: names that have to differ, and parts that need another one."""

from app.config.yaml_marks import Fault, Marked


def repeated_names(marked: Marked) -> list[Fault]:
    """Faults for names that several rules have. A capture's row names its rule, so names have to differ."""
    rules = marked.data.get("rules") if isinstance(marked.data, dict) else None
    names = [rule.get("name") if isinstance(rule, dict) else None for rule in rules] if isinstance(rules, list) else []
    return [
        marked.fault(("rules", index, "name"), f"an earlier rule is called {name!r} too; rename one of them")
        for index, name in enumerate(names)
        if isinstance(name, str) and name in names[:index]
    ]


def unasked_prometheus(marked: Marked) -> list[Fault]:
    """Faults for rules that want evidence of pending alerts where nothing says which Prometheus has them."""
    whole = marked.data if isinstance(marked.data, dict) else {}
    prometheus, rules = whole.get("prometheus"), whole.get("rules")
    if (isinstance(prometheus, dict) and prometheus.get("url")) or not isinstance(rules, list):
        return []
    return [
        marked.fault(("rules", index, "prearm"), "Prometheus has to be asked for pending alerts: set prometheus.url")
        for index, rule in enumerate(rules)
        if isinstance(rule, dict) and rule.get("prearm") is True
    ]
