"""The tables as the code uses them. migrations/ makes them, and a test compares the two.

Times are whole microseconds since 1970 in UTC, on both databases. JSON is text that only rows.py reads.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

# UUIDv7 in text sorts by time only where letters sort by their code.
_Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

captures = sa.Table(
    "captures",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    # what triggered it
    sa.Column("trigger_kind", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text),
    sa.Column("alertname", sa.Text, nullable=False),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("annotations", sa.Text, nullable=False),
    sa.Column("starts_at", sa.BigInteger),
    sa.Column("generator_url", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    # its progress
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("turn", sa.SmallInteger, nullable=False),  # TURNS in rows.py
    sa.Column("due_at", sa.BigInteger),
    sa.Column("lane", sa.Text, nullable=False, server_default=""),  # Capture.lane
    sa.Column("give_up_at", sa.BigInteger),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("reason_code", sa.Text),
    sa.Column("reason_message", sa.Text),
    sa.Column("started_at", sa.BigInteger),
    sa.Column("stopped_at", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger),
    # what it is
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("profiler", sa.Text, nullable=False),
    sa.Column("duration", sa.BigInteger, nullable=False),
    sa.Column("host", sa.Text),  # these two are the target's, null until there is a target
    sa.Column("service", sa.Text),
    sa.Column("target", sa.Text),
    sa.Column("process", sa.Text),
    sa.Column("life", sa.Text),  # ProcessId.key, also after the end
    sa.Column("timeline", sa.Text, nullable=False),
    sa.Column("artifacts", sa.Text, nullable=False),
    sa.Column("findings", sa.Text, nullable=False),
    sa.Column("own_labels", sa.Text, nullable=False),
    sa.Column("notes", sa.Text, nullable=False),
    # written by the intake and the API only
    sa.Column("resolved_at", sa.BigInteger),
    sa.Column("stop_requested_at", sa.BigInteger),
    sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
    # unique where not null
    sa.Column("episode", sa.Text),  # the fingerprint, while this is its current capture
    sa.Column("active_process", sa.Text),  # ProcessId.key, until the capture has ended
    sa.Column("baseline", sa.Text),  # the service, while this is its baseline
    # the lease
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.BigInteger),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
)

# The index of labels; labels.py writes it. One row for every label of every capture.
label_pairs = sa.Table(
    "label_pairs",
    metadata,
    sa.Column("name", _Id, primary_key=True),
    sa.Column("value", _Id, primary_key=True),
    sa.Column("capture", _Id, primary_key=True),
    sqlite_with_rowid=False,
)

# Under which names the service of a capture is found.
service_names = sa.Table(
    "service_names",
    metadata,
    sa.Column("service", _Id, primary_key=True),
    sa.Column("capture", _Id, primary_key=True),
    sqlite_with_rowid=False,
)

# Only the last ones; messages.py removes the others.
messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("alerts", sa.Integer, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("created", sa.Integer, nullable=False),
    sa.Column("known", sa.Integer, nullable=False),
    sa.Column("skipped", sa.Integer, nullable=False),
    sa.Column("body", sa.Text),  # null: too large to be kept
    sa.Column("left_out", sa.BigInteger, nullable=False, server_default="0"),
)

# Executables that are not signalled any more. The id is made of the build, so there is one row for each.
blocked = sa.Table(
    "blocked",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("build", sa.Text, nullable=False),
    sa.Column("exe", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("capture", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("signal", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.UniqueConstraint("build", name="blocked_build"),
)

# What was taken while an alert was pending. The key is made of the alert's labels.
prearms = sa.Table(
    "prearms",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("artifacts", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.UniqueConstraint("key", name="prearms_key"),
)

# One row for each service of which a calm capture was taken on a schedule.
calm = sa.Table(
    "calm",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("taken_at", sa.BigInteger, nullable=False),
    sa.Column("capture", sa.Text),  # until it was judged whether it becomes the baseline
)

# Whom the end of a capture has still to be told; a row is removed once that was done, or given up.
notices = sa.Table(
    "notices",
    metadata,
    sa.Column("notifier", sa.Text, primary_key=True),  # the name that the configuration gives it
    sa.Column("capture", _Id, primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),  # how often it was claimed; also the fence of the lease
    sa.Column("lease_until", sa.BigInteger),
)

# What became of the notices of a capture, until it is removed.
outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("capture", _Id, primary_key=True),
    sa.Column("notifier", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)

# The replicas on PostgreSQL that live; presence.py writes it.
replicas = sa.Table(
    "replicas",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("alive_until", sa.BigInteger, nullable=False),
)

# To which lanes the replicas on PostgreSQL go; affinity.py writes it.
affinities = sa.Table(
    "affinities",
    metadata,
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("replica", sa.Text, primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),
)

settings = sa.Table(
    "settings",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


def _index(name: str, *columns: str, unique: bool = False, where: str | None = None) -> sa.Index:
    """where: a column; rows in which it is null are left out, which keeps the index small."""
    only = captures.c[where].is_not(None) if where else None
    return sa.Index(
        name, *(captures.c[column] for column in columns), unique=unique, sqlite_where=only, postgresql_where=only
    )


_index("captures_episode", "episode", unique=True, where="episode")
_index("captures_active_process", "active_process", unique=True, where="active_process")
_index("captures_baseline", "baseline", unique=True, where="baseline")
_index("captures_due", "turn", "due_at", "starts_at", "lane", where="due_at")
_index("captures_lease", "lease_until", where="lease_until")
_index("captures_life", "life", "started_at", where="life")
_index("captures_created_at", "created_at", "state")  # both, so that counting by time reads the index alone
_index("captures_fingerprint", "fingerprint", "id")
_index("captures_alertname", "alertname", "id")
_index("captures_service", "service", "id", where="service")
_index("captures_host", "host", "id", where="host")
_index("captures_state", "state", "id")
