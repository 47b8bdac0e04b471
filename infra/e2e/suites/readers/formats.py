"""Reads files of one tenant's users by jq, DuckDB, Polars, PyArrow, pandas and openpyxl,
and compares every value with the pages that the tenant itself sent.
Usage: formats.py FOLDER, which has what readers_test.go put there.

The options that a reader needs to guess nothing are those of docs/readers.md.
"""

import csv
import glob
import gzip
import io
import json
import pathlib
import subprocess
import sys
import time
from datetime import date, datetime, timedelta, timezone
from uuid import UUID

import duckdb
import openpyxl
import pandas
import polars
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import zstandard
from openpyxl.utils.escape import unescape

FOLDER = pathlib.Path(sys.argv[1])
INSTANTS = {"createdDateTime", "employeeHireDate"}
FORMULAS = tuple("=+-@\t\r\n＝＋－＠")
complaints = []


def main():
    people, columns = reference()
    for label, read, agrees in everything(columns):
        began = time.monotonic()
        try:
            rows = read()
            complaint = difference(rows, people, columns, agrees)
        except Exception as refusal:  # whatever a reader raises, it refused the file
            complaint = f"refused: {type(refusal).__name__}: {str(refusal)[:300]}"
        if complaint:
            complaints.append(f"{label}: {complaint}")
        print(f"{time.monotonic() - began:6.2f} s  {label}: {complaint or 'agrees'}", flush=True)
    if complaints:
        sys.exit("\n".join(complaints))
    print("every value agrees")


def reference():
    """The users by id, each as the tenant sent it, halves of surrogate pairs mended."""
    people = {}
    with open(FOLDER / "pages.ndjson", encoding="utf-8", newline="\n") as pages:
        for page in pages:
            for user in json.loads(page)["value"]:
                people[user["id"]] = mended(user)
    columns = next(csv.reader([first_line("users.csv")]))
    return people, columns


def mended(value):
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [mended(item) for item in value]
    if isinstance(value, dict):
        return {mended(name): mended(item) for name, item in value.items()}
    return value


def first_line(name):
    with open(FOLDER / name, encoding="utf-8") as file:
        return file.readline()


def difference(rows, people, columns, agrees):
    """The first difference, None if there is none."""
    if len(rows) != len(people):
        return f"{len(rows)} users, want {len(people)}"
    seen = {}
    for row in rows:
        seen[str(row["id"])] = row
    if seen.keys() != people.keys():
        return f"other ids: {sorted(seen.keys() ^ people.keys())[:3]}"
    for user_id, user in people.items():
        row = seen[user_id]
        for column in columns:
            got, want = row.get(column), user.get(column)
            if not agrees(got, want, column):
                return f"{column} of {user_id} is {got!r}, want {want!r}"
    return None


def same(got, want, column=None):
    """A value of a reader that has types. What has no value is None, and so is a member
    of a structure that others have."""
    if got is None:
        return want is None
    if isinstance(got, datetime):
        return isinstance(want, str) and utc(got) == datetime.fromisoformat(want)
    if isinstance(got, (date, UUID)):
        return str(got) == want
    if hasattr(got, "tolist"):
        got = got.tolist()
    if isinstance(got, dict):
        names = {name for name in got if not absent(got[name])}
        return isinstance(want, dict) and names == {name for name in want if not absent(want[name])} and all(same(got[name], want[name]) for name in names)
    if isinstance(got, list):
        return isinstance(want, list) and len(got) == len(want) and all(map(same, got, want))
    if isinstance(got, str) and isinstance(want, (dict, list)):
        return json.loads(got) == want  # an open type in Parquet is JSON
    if isinstance(got, float) and got.is_integer() and not isinstance(want, float):
        got = int(got)
    return type(got) is type(want) and got == want


def in_parquet(got, want, column):
    """A value of Parquet, where the type of a manager has no column."""
    if column == "manager" and want:
        want = {"id": want["id"]}
    return same(got, want)


def absent(value):
    return value is None or isinstance(value, dict) and all(map(absent, value.values()))


def exactly(got, want, column):
    """A value of a reader of JSON that guesses nothing."""
    return type(got) is type(want) and got == want


def utc(moment):
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment


def as_text(got, want, column):
    """A cell of CSV: null and empty texts are empty cells."""
    if column == "manager" and want:
        want = want["id"]
    if isinstance(want, (dict, list)):
        return json.loads(got) == want
    if isinstance(want, bool):
        want = str(want).lower()
    return isinstance(got, str) and got == ("" if want is None else str(want))


def as_neutral_text(got, want, column):
    """A cell of CSV for spreadsheets: what starts like a formula has an apostrophe."""
    if isinstance(want, str) and want.startswith(FORMULAS):
        want = "'" + want
    return as_text(got, want, column)


def as_cell(got, want, column):
    """A cell of a workbook: text, dates, booleans, numbers; empty cells are None."""
    if column == "manager" and want:
        want = want["id"]
    if want is None or want == "":
        return got is None
    if isinstance(want, (dict, list)):
        return isinstance(got, str) and json.loads(got) == want
    if column in INSTANTS:
        return isinstance(got, datetime) and utc(got) == datetime.fromisoformat(want)
    if isinstance(got, float) and got.is_integer():
        got = int(got)
    return type(got) is type(want) and got == want


def as_raw_cell(got, want, column):
    """A cell by a reader that leaves _x0007_ as it is."""
    return as_cell(unescape(got) if isinstance(got, str) else got, want, column)


def as_calamine_cell(got, want, column):
    """A cell by a reader that leaves noncharacters as _xFFFF_."""
    if isinstance(got, str):
        got = got.replace("_xFFFE_", "\ufffe").replace("_xFFFF_", "\uffff")
    return as_cell(got, want, column)


def everything(columns):
    """All files with all readers that can read them: a label, how the rows are read, and
    how their values are compared."""
    file = lambda name: str(FOLDER / name)
    for name in ("users.ndjson", "stream.ndjson", "api.ndjson", "gzip", "zstd"):
        for label, reader in NDJSON.items():
            agrees = exactly if label == "jq" else same
            yield f"{name} by {label}", lambda name=name, reader=reader: users_of(rows_of(name, reader)), agrees
    yield "api-pages.ndjson by jq", lambda: jq(".value[]", file("api-pages.ndjson")), exactly
    for label, reader in JSON.items():
        yield f"users.json by {label}", lambda reader=reader: reader(file("users.json")), same
    for name in ("users.csv", "api.csv", "csv"):
        for label, reader in CSV.items():
            yield f"{name} by {label}", lambda name=name, reader=reader: rows_of(name, lambda path: reader(path, columns)), as_text
    for name in ("excel.csv", "api-excel.csv"):
        for label, reader in CSV.items():
            yield f"{name} by {label}", lambda name=name, reader=reader: reader(file(name), columns), as_neutral_text
    for label, reader in PARQUET.items():
        yield f"Parquet by {label}", lambda reader=reader: reader(glob.glob(file("parquet/runs/*/*/*.parquet"))), in_parquet
    yield "users.xlsx by openpyxl", lambda: openpyxl_rows(file("users.xlsx")), as_raw_cell
    for name in ("users.xlsx", "api.xlsx"):
        yield f"{name} by pandas and calamine", lambda name=name: pandas_xlsx(file(name)), as_calamine_cell


def rows_of(name, reader):
    """The rows of a file, or of all parts of a snapshot."""
    paths = [FOLDER / name] if (FOLDER / name).is_file() else sorted((FOLDER / name / "runs").glob("*/*/part-*"))
    return [row for path in paths for row in reader(str(path))]


def users_of(rows):
    """The users, without the closing record of a stream, which has to say that it is complete."""
    users = [row for row in rows if row.get("@rollcall.complete") is None]
    closing = [row for row in rows if row.get("@rollcall.complete") is not None]
    assert not closing or closing[0]["@rollcall.complete"] is True and closing[0]["@odata.count"] == len(users), closing
    return users


# jq.

def jq(program, path):
    content = pathlib.Path(path).read_bytes()
    if path.endswith(".gz"):
        content = gzip.decompress(content)
    if path.endswith(".zst"):
        content = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read()
    lines = subprocess.run(["jq", "-c", program], input=content, check=True, capture_output=True).stdout.decode().split("\n")
    return [json.loads(line) for line in lines[:-1]]


# NDJSON, JSON.

def polars_ndjson(path):
    return polars.read_ndjson(path, infer_schema_length=None).to_dicts()


def pyarrow_ndjson(path):
    compression = {".gz": "gzip", ".zst": "zstd"}.get(pathlib.Path(path).suffix)
    with pa.input_stream(path, compression=compression) as lines:
        return pyarrow.json.read_json(lines).to_pylist()


def pandas_ndjson(path):
    frame = pandas.read_json(path, lines=True, dtype=False)
    return records(frame)


def records(frame):
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def duckdb_rows(query):
    duckdb.sql("SET TimeZone = 'UTC'")
    return duckdb.sql(query).to_arrow_table().to_pylist()


NDJSON = {
    "jq": lambda path: jq(".", path),
    "DuckDB": lambda path: duckdb_rows(f"FROM read_json('{path}', format = 'newline_delimited', sample_size = -1)"),
    "Polars": polars_ndjson,
    "PyArrow": pyarrow_ndjson,
    "pandas": pandas_ndjson,
}

JSON = {
    "jq": lambda path: jq(".value[]", path),
    "DuckDB": lambda path: duckdb_rows(
        f"SELECT unnest(u) FROM (SELECT unnest(value) u FROM read_json('{path}', sample_size = -1, maximum_object_size = 1000000000))"),
    "Polars": lambda path: polars.read_json(path, infer_schema_length=None)["value"][0].struct.unnest().to_dicts(),
    "PyArrow": lambda path: pyarrow.json.read_json(
        path, pyarrow.json.ReadOptions(block_size=1 << 30), pyarrow.json.ParseOptions(newlines_in_values=True))["value"][0].as_py(),
    "pandas": lambda path: pandas.read_json(path, typ="series", dtype=False)["value"],
}


# CSV.

def pyarrow_csv(path, columns):
    compression = "gzip" if path.endswith(".gz") else None
    with pa.input_stream(path, compression=compression) as content:
        return pyarrow.csv.read_csv(
            content, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(column_types={name: pa.string() for name in columns}, strings_can_be_null=False),
        ).to_pylist()


def duckdb_csv(path, columns):
    rows = duckdb_rows(f"FROM read_csv('{path}', header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"')")
    return [{name: "" if cell is None else cell for name, cell in row.items()} for row in rows]


CSV = {
    "DuckDB": duckdb_csv,
    "Polars": lambda path, columns: polars.read_csv(path, infer_schema=False).fill_null("").to_dicts(),
    "PyArrow": pyarrow_csv,
    "pandas": lambda path, columns: records(pandas.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")),
}


# Parquet.

PARQUET = {
    "DuckDB": lambda paths: duckdb_rows(f"FROM read_parquet({paths})"),
    "Polars": lambda paths: polars.read_parquet(paths).to_dicts(),
    "PyArrow": lambda paths: pa.concat_tables(map(pyarrow.parquet.read_table, paths)).to_pylist(),
    "pandas": lambda paths: records(pandas.concat(map(pandas.read_parquet, paths))),
}


# XLSX.

def openpyxl_rows(path):
    book = openpyxl.load_workbook(path, read_only=True)
    about = dict(book["About"].iter_rows(values_only=True))
    rows = book["users"].iter_rows(values_only=True)
    names = next(rows)
    users = [dict(zip(names, row)) for row in rows]
    assert about["users"] == len(users) and about["complete"] is True and about["verified"] is True, about
    return users


def pandas_xlsx(path):
    frame = pandas.read_excel(path, dtype=object, keep_default_na=False, engine="calamine")
    return [{name: None if cell == "" else cell for name, cell in row.items()} for row in records(frame)]


main()
