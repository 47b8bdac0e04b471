"""Loads a snapshot published by Rollcall into SQLite, as the table users.

    python3 load.py snapshot/latest/tenant=<guid>.json users.db
    python3 load.py s3://bucket/prefix/latest/tenant=<guid>.json users.db

It finds the current run through latest, verifies all of it, and only then replaces
the table, in one transaction: concurrent readers of the database see the old users or
the new ones. It requires Python 3.9; boto3 for s3:, and duckdb for format=parquet.
"""

import contextlib
import gzip
import hashlib
import json
import pathlib
import re
import shutil
import sqlite3
import sys
import tempfile
import urllib.parse


class Refused(Exception):
    """The snapshot must not be loaded."""


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    name, database = arguments
    try:
        fetch, key = open_store(name)
        with tempfile.TemporaryDirectory() as folder:
            latest, manifest = current(fetch, key, pathlib.Path(folder))
            files = verified(fetch, latest, manifest, pathlib.Path(folder))
            replace(database, latest, manifest, files)
    except (Refused, OSError, ValueError, KeyError) as reason:
        sys.exit(f"not loaded: {reason}")
    print(f"{manifest['users']} users of run {latest['run']}, started {latest['startedAt']}, are in {database}")


def open_store(name):
    """Returns a function that fetches a key of the store into a file, and the key of latest."""
    at = name.rfind("latest/tenant=")
    if at < 0:
        raise Refused(f"{name} is not .../latest/tenant=<guid>.json")
    root, key = name[:at], name[at:]
    if root.startswith("s3://"):
        return bucket(root[len("s3://"):]), key
    if root.startswith("file://"):
        root = urllib.parse.unquote(root[len("file://"):])
    return lambda key, file: shutil.copyfile(pathlib.Path(root) / key, file), key


def bucket(root):
    import boto3  # pip install boto3
    from botocore.exceptions import BotoCoreError, ClientError

    name, _, prefix = root.partition("/")
    client = boto3.client("s3")

    def fetch(key, file):
        try:
            client.download_file(name, prefix + key, str(file))
        except (BotoCoreError, ClientError) as error:
            raise Refused(f"s3://{root}{key}: {error}") from error

    return fetch


def current(fetch, key, folder):
    """Returns latest and its manifest, after checking that they belong together."""
    fetch(key, folder / "latest")
    latest = json.loads((folder / "latest").read_bytes())
    if latest.get("version") != 1:
        raise Refused(f"{key} has a version that this example does not support")
    # Validate what becomes part of a path.
    if not re.fullmatch("[0-9a-f-]{36}", latest["tenant"]) or not re.fullmatch("[A-Za-z0-9._-]{1,80}", latest["run"]):
        raise Refused(f"{key} contains no valid tenant and run")
    fetch(directory(latest) + "manifest.json", folder / "manifest")
    text = (folder / "manifest").read_bytes()
    if hashlib.sha256(text).hexdigest() != latest["manifestSha256"]:
        raise Refused(f"run {latest['run']}: the manifest is not the one that latest names: it was changed")
    manifest = json.loads(text)
    if manifest["version"] != 1 or any(manifest[name] != latest[name] for name in ("tenant", "run", "users")):
        raise Refused(f"run {latest['run']}: the manifest is that of another run")
    if manifest["status"] != "complete":
        reasons = "; ".join(manifest.get("suspicions", []))
        raise Refused(f"run {latest['run']}: the list is {manifest['status']}, not complete: {reasons}")
    return latest, manifest


def directory(latest):
    return f"runs/tenant={latest['tenant']}/run={latest['run']}/"


def verified(fetch, latest, manifest, folder):
    """Fetches every object and returns the files, after checking that they are what was published."""
    files, ids = [], set()
    for number, stored in enumerate(manifest["objects"]):
        # Ignore where the URL points: a copy of a store can be read, and no URL leads out of it.
        path, _, name = stored["url"].rpartition("/")
        if not f"{path}/".endswith("/" + directory(latest)):
            raise Refused(f"the manifest names an object that is not of this run: {stored['url']}")
        file = folder / f"{number}-{name}"
        fetch(directory(latest) + name, file)
        if file.stat().st_size != stored["bytes"]:
            raise Refused(f"{name} has {file.stat().st_size} bytes, and the manifest says {stored['bytes']}")
        if digest(file) != stored["sha256"]:
            raise Refused(f"{name} is not what was published: its digest is different")
        before = len(ids)
        for user in users(file, manifest):
            if user["id"] in ids:
                raise Refused(f"{name}: user {user['id']} appears twice")
            ids.add(user["id"])
        if len(ids) - before != stored["users"]:
            raise Refused(f"{name} contains {len(ids) - before} users, and the manifest says {stored['users']}")
        files.append(file)
    if len(ids) != manifest["users"]:
        raise Refused(f"the objects contain {len(ids)} users, and the manifest says {manifest['users']}")
    return files


def digest(file):
    sha256 = hashlib.sha256()
    with open(file, "rb") as raw:
        for block in iter(lambda: raw.read(1 << 20), b""):
            sha256.update(block)
    return sha256.hexdigest()


def users(file, manifest):
    """Yields each user of an object as a dictionary."""
    layout = manifest["format"], manifest["compression"]
    if layout == ("ndjson", "gzip") or layout == ("ndjson", "none"):
        with gzip.open(file) if layout[1] == "gzip" else open(file, "rb") as lines:
            for line in lines:
                yield json.loads(line)
    elif layout[0] == "parquet":
        import duckdb  # pip install duckdb

        duckdb.execute("SET TimeZone = 'UTC'")
        rows = duckdb.execute("SELECT to_json(u) FROM read_parquet(?) u", [str(file)])
        while batch := rows.fetchmany(10_000):
            yield from (json.loads(user) for (user,) in batch)
    else:
        raise Refused(f"this example does not read {layout[0]} with compression {layout[1]}")


def replace(database, latest, manifest, files):
    """Replaces the users in the table."""
    columns = ["id"] + [name for name in manifest["select"] if name != "id"]
    names = ", ".join(f'"{name}"' for name in columns)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute("DROP TABLE IF EXISTS users")
            db.execute(f"CREATE TABLE users ({names}, PRIMARY KEY (id))")
            marks = ", ".join("?" * len(columns))
            for file in files:
                rows = ([value(user.get(name)) for name in columns] for user in users(file, manifest))
                db.executemany(f"INSERT INTO users VALUES ({marks})", rows)
            (count,) = db.execute("SELECT count(*) FROM users").fetchone()
            if count != latest["users"]:
                raise Refused(f"{count} users were inserted, and latest says {latest['users']}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


def value(found):
    """Returns a property as SQLite stores it: lists and objects as JSON."""
    if isinstance(found, (list, dict)):
        found = json.dumps(found, ensure_ascii=False)
    if isinstance(found, str):  # JSON allows lone surrogates, SQLite does not
        found = found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
