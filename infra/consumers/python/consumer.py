"""Keeps the table users of a SQLite database as the directory is, by applying the
events that Rollcall publishes about changes. Copy it and change what it stores.

    rollcall changes --state ./state --baseline emit | python3 consumer.py users.db

Each run applies what has changed since the last one; the first has everybody. Each line
of the standard input is an event, or a message of SQS or EventBridge with an event in it.
It requires Python 3.9 and nothing else.
"""

import contextlib
import json
import re
import sqlite3
import sys

# The longest line that is read. A message of SQS or EventBridge has 1 MiB, which escaping
# in an envelope may double, and again.
LONGEST = 4 << 20

GUID = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

# What this consumer knows, in the order in which it is checked. What it does not know is an
# error: an event that is passed over is a change that is lost. The error quotes what cannot
# be a person.
QUOTED = ("specversion", "type")
ATTRIBUTES = {
    "specversion": ("1.0", r"1\.0"),
    "type": (
        "rollcall.user.created, updated, deleted, restored or purged",
        r"rollcall\.user\.(created|updated|deleted|restored|purged)",
    ),
    "source": ("urn:rollcall:tenant:<guid>", f"urn:rollcall:tenant:{GUID}"),
    "subject": ("the id of a user", GUID),
    # Of a fixed width, so that the order of the texts is that of the numbers.
    "sequence": ("20 digits", "[0-9]{20}"),
}

# Tenants share the table, kept apart by their source. A user who has gone leaves a
# tombstone, a row without a user: without it, an older event that comes late would be the
# first of its subject, and bring the user back.
SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    source   TEXT NOT NULL,
    id       TEXT NOT NULL,
    sequence TEXT NOT NULL, -- of the event that the row is from
    user     TEXT,          -- JSON, NULL for a tombstone
    PRIMARY KEY (source, id)
)"""

# Lets a row only get younger. The sequence and the user go in by one statement, so by one
# transaction: a crash between two would leave a sequence whose user never came, and the
# event that is sent again would look known. If you keep them in two tables, begin a
# transaction around the comparison and both writes.
UPSERT = """
INSERT INTO users (source, id, sequence, user) VALUES (?, ?, ?, ?)
ON CONFLICT (source, id) DO UPDATE SET sequence = excluded.sequence, user = excluded.user
WHERE excluded.sequence > users.sequence"""


class Invalid(Exception):
    """The line is no event that this consumer can apply."""


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    read = applied = 0
    try:
        # isolation_level=None: each statement commits by itself.
        with contextlib.closing(sqlite3.connect(arguments[0], isolation_level=None)) as db:
            db.execute(SCHEMA)
            for line in iter(lambda: sys.stdin.buffer.readline(LONGEST + 1), b""):
                read += 1
                # Stop at what cannot be applied: to go on without it would be to lose it.
                # What came before is in the table, and may come again.
                applied += db.execute(UPSERT, parse(line)).rowcount
                # With a queue, this is where the message is deleted: after the commit, never before.
    except (Invalid, sqlite3.Error) as reason:
        sys.exit(f"stopped: line {read}: {reason}")
    except KeyboardInterrupt:
        sys.exit(130)
    print(f"{applied} of {read} events applied; the others were known or too late")


def parse(line):
    """Returns the row that an event makes, out of the messages that it may be in."""
    if len(line) > LONGEST:
        raise Invalid(f"longer than {LONGEST} bytes")
    event = unwrap(line)
    for name, (want, form) in ATTRIBUTES.items():
        value = event.get(name)
        if not isinstance(value, str):
            raise Invalid(f"{name} is not a string, want {want}")
        if not re.fullmatch(form, value) and name in QUOTED:
            raise Invalid(f"{name} is {json.dumps(value[:80])}, want {want}; a newer consumer may be needed")
        if not re.fullmatch(form, value):
            raise Invalid(f"{name} is not {want}")
    data = event.get("data")
    user = data.get("user") if isinstance(data, dict) else None
    if not isinstance(user, dict):
        raise Invalid("data is not an object with a user; if there is a dataref, the data has to be read there")
    if user.get("id") != event["subject"]:
        raise Invalid("data.user.id is not the subject")
    if event["type"] in ("rollcall.user.deleted", "rollcall.user.purged"):
        return event["source"], event["subject"], event["sequence"], None
    try:
        stored = json.dumps(user, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise Invalid("data.user has a number that a float cannot hold") from None
    return event["source"], event["subject"], event["sequence"], stored


def unwrap(line):
    """Returns the CloudEvent of a message: SQS has it in the body (Body where the API shows
    it), EventBridge in the detail, and a queue behind a rule in both."""
    message = parse_object(line)
    for name in ("body", "Body"):
        if isinstance(message.get(name), str):
            message = parse_object(message[name].encode("utf-8", "surrogatepass"))
            break
    return checked(message["detail"]) if "detail" in message else message


def parse_object(text):
    try:
        return checked(json.loads(text.decode("utf-8")))
    except (ValueError, RecursionError):
        raise Invalid("not a JSON object") from None


def checked(value):
    if not isinstance(value, dict):
        raise Invalid("not a JSON object")
    return value


if __name__ == "__main__":
    main(sys.argv[1:])
