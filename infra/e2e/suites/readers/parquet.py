"""Reads Parquet files by pyarrow and by DuckDB and compares them with the NDJSON
of the same users. Usage: parquet.py FOLDER, which has what parquet_test.go put there.
"""

import json
import pathlib
import re
import sys
from datetime import datetime, timedelta, timezone

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(sys.argv[1])
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?Z")


def main():
    for name in ("usual", "everything"):
        people = read_ndjson(FOLDER / f"{name}.ndjson")
        types = json.loads((FOLDER / f"{name}.types.json").read_text())
        table = pq.read_table(FOLDER / f"{name}.parquet")
        check_schema(name, table.schema, types)
        check_rows(name, table, people)
        check_duckdb(name, table, people)
    check_union()
    print("every value agrees")


def check(ok, complaint):
    if not ok:
        sys.exit(complaint)


def read_ndjson(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def check_schema(name, schema, types):
    """The order of the columns and their types, which are also those in Glue."""
    got = {field.name.lower(): hive(field.type) for field in schema}
    check(list(got) == [column["Name"] for column in types], f"{name}: the columns are {list(got)}")
    for column in types:
        check(got[column["Name"]] == column["Type"], f"{name}: {column} is {got[column['Name']]} in the file")
    check([f.name for f in schema if not f.nullable] == ["id"], f"{name}: more or less than the id is required")


def hive(t):
    if pa.types.is_list(t):
        return f"array<{hive(t.value_type)}>"
    if pa.types.is_struct(t):
        return "struct<" + ",".join(f"{f.name.lower()}:{hive(f.type)}" for f in t) + ">"
    if t == pa.timestamp("us", "UTC"):
        return "timestamp"
    return {pa.string(): "string", pa.bool_(): "boolean", pa.int32(): "int"}[t]


def check_rows(name, table, people):
    check(table.num_rows == len(people), f"{name}: {table.num_rows} rows, want {len(people)}")
    for field in table.schema:
        for row, (got, user) in enumerate(zip(plain(table.column(field.name), field.type), people)):
            want = None if field.name == "additionalData" else expected(field.type, user.get(field.name))
            check(got == want, f"{name}, row {row}: {field.name} is {got!r}, want {want!r}")


def expected(t, value):
    """What NDJSON has, as a column of that type."""
    if value is None:
        return None
    if pa.types.is_list(t):
        return [expected(t.value_type, item) for item in value]
    if pa.types.is_struct(t):
        return {f.name: expected(f.type, value.get(f.name)) for f in t}
    if pa.types.is_timestamp(t):
        return microseconds(value)
    if pa.types.is_string(t):
        if not isinstance(value, str):
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def microseconds(text):
    whole, fraction = DATE.fullmatch(text).groups()
    at = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return (at - EPOCH) // timedelta(microseconds=1) + int((fraction or "").ljust(6, "0"))


def plain(column, t):
    """A column as Python values, dates as microseconds."""
    return column.cast(dateless(t)).to_pylist()


def dateless(t):
    if pa.types.is_timestamp(t):
        return pa.int64()
    if pa.types.is_list(t):
        return pa.list_(pa.field(t.value_field.name, dateless(t.value_type)))
    if pa.types.is_struct(t):
        return pa.struct([pa.field(f.name, dateless(f.type)) for f in t])
    return t


def check_duckdb(name, table, people):
    path = FOLDER / f"{name}.parquet"
    count = duckdb.sql(f"SELECT count(*), count(DISTINCT id) FROM '{path}'").fetchall()[0]
    check(count == (len(people), len(people)), f"{name}: DuckDB counts {count}, want {len(people)} twice")
    duckdb.sql("SET TimeZone = 'UTC'")
    seen = duckdb.sql(f"SELECT * FROM '{path}'").to_arrow_table()
    check(seen.column_names == table.column_names, f"{name}: DuckDB has the columns {seen.column_names}")
    for field in table.schema:
        theirs = plain(seen.column(field.name), seen.schema.field(field.name).type)
        check(theirs == plain(table.column(field.name), field.type), f"{name}: DuckDB and pyarrow differ in {field.name}")


def check_union():
    """Files of two selects, in other orders, are one table by name."""
    files = [str(FOLDER / f"{name}.parquet") for name in ("usual", "narrow")]
    usual, narrow = (pq.read_table(file) for file in files)
    union = f"read_parquet({files}, union_by_name = true)"
    rows, ids, mails, sizes, departments = duckdb.sql(
        f"SELECT count(*), count(DISTINCT id), count(mail), count(businessPhones), count(department) FROM {union}"
    ).fetchall()[0]
    check(rows == usual.num_rows + narrow.num_rows, f"union: {rows} rows")
    check(ids == usual.num_rows, f"union: {ids} distinct ids")
    present = lambda *columns: sum(len(c) - c.null_count for c in columns)
    check(mails == present(usual["mail"], narrow["mail"]), f"union: {mails} mails")
    check(sizes == present(narrow["businessPhones"]), f"union: {sizes} lists")
    check(departments == present(usual["department"]), f"union: {departments} departments")
    differing = duckdb.sql(
        f"SELECT count(*) FROM '{files[0]}' u JOIN '{files[1]}' n USING (id) WHERE u.mail IS DISTINCT FROM n.mail"
    ).fetchall()[0][0]
    check(differing == 0, f"union: {differing} users have another mail")


main()
