"""The queries that follow from a source table's declaration alone, in BigQuery's dialect like the files of ``recs_assets/sql``.

- ``source_profile_<table>``: one row of counts: rows, keys, blanks by column, first and last moment; of a log from ``@start`` on,
  but for ``n_rows``.
- ``rows_read_<table>`` of a log: how many rows its cleaning reads, the others being older.
- ``<table>_rows``: the table's columns, and what cleaning needs of every table:
  ``form_fault``, its fault where it can be told from the table alone (``exact duplicate``, ``empty <id>``,
  ``NUL character in <id>``), else NULL;
  ``content_rank``, 1 for the first of the rows of one key by the other columns, each descending; exact copies rank the same
  (not of a log: an engine could not skip its older rows, and its cleaning ranks by time);
  ``<column>_text`` of every number: as text NaN equals NaN, on every engine.
- ``fault_counts_<table>``: the rows of ``classified`` (what ``clean_<table>`` gives) by fault: three keys, and the three most
  frequent of the values that the fault shows.
- ``kind_counts_<table>`` of one that has kinds of rows: how many of them have which fault, or none.
- ``quarantined_rows_<table>``: those of them that are kept for people to look at, for the table ``quarantine``.
"""

from collections.abc import Mapping

from recs_assets.contract import SOURCE_TABLES, Column, SourceTable

# A fault without its details.
FAULT_NAME = "REGEXP_REPLACE(fault, ':.*$', '')"


def _profile(table: SourceTable) -> str:
    key = table.key[0] if len(table.key) == 1 else "CONCAT(" + ", '|', ".join(table.key) + ")"
    counts = ["COUNT(*) AS n_rows"] if not table.is_log else ["COUNT(*) AS n_read"]
    if table.key:
        counts.append(f"COUNT(DISTINCT {key}) AS n_keys")
    counts += [f"COUNT(IF({column.name} IS NULL, 1, NULL)) AS n_null_{column.name}" for column in table.columns]
    if not table.is_log:
        moments = [f"MIN({table.dated_by}) AS first_ts", f"MAX({table.dated_by}) AS last_ts"] if table.dated_by else []
        return _select(counts + moments, table.name)
    moment = table.dated_by
    counts += [
        # What lies after the window may be a moment that no calendar knows.
        f"MIN(IF({moment} < @as_of, {moment}, NULL)) AS first_ts",
        f"MAX(IF({moment} < @as_of, {moment}, NULL)) AS last_ts",
        f"COUNT(IF({moment} < @as_of, 1, NULL)) AS events_in_window",
        f"COUNT(IF({moment} >= @week_start AND {moment} < @as_of, 1, NULL)) AS events_in_week",
        f"COUNT(IF({moment} < @week_start, 1, NULL)) AS events_before_week",
    ]
    steps = f"WITH\nall_rows AS (\n{_select(['COUNT(*) AS n_rows'], table.name)}),\nread_rows AS (\n"
    return f"{steps}{_select(counts, table.name)}{_since(table, 'start')})\n{_select(['*'], 'all_rows')}CROSS JOIN read_rows\n"


def _rows_read(table: SourceTable) -> str:
    return _select(["COUNT(*) AS n_rows"], table.name) + _since(table, "orders_start")


def _rows(table: SourceTable) -> str:
    numbers = [column.name for column in table.columns if column.kind == "number"]
    texts = [f"{_number_text(name)} AS {name}_text" for name in numbers]
    # A float is no key to group by in BigQuery.
    values = [_number_text(column.name) if column.kind == "number" else column.name for column in table.columns]
    others = [f"{value} DESC" for column, value in zip(table.columns, values, strict=True) if column.name not in table.key]
    copies = f"ROW_NUMBER() OVER (PARTITION BY {', '.join(values)} ORDER BY {table.key[0]})"
    rank = f"RANK() OVER (PARTITION BY {', '.join(table.key)} ORDER BY {', '.join(others or table.key)}) AS content_rank"
    cases = [f"WHEN {copies} > 1 THEN 'exact duplicate'"]
    for name in table.required_ids:
        cases.append(f"WHEN IFNULL(REPLACE({name}, ' ', ''), '') = '' THEN 'empty {name}'")
        cases.append(f"WHEN REGEXP_CONTAINS({name}, '[\\\\x00]') THEN 'NUL character in {name}'")
    lines = "\n    ".join(cases)
    fault = f"CASE\n    {lines}\n  END AS form_fault"
    return _select([column.name for column in table.columns] + texts + ([] if table.is_log else [rank]) + [fault], table.name)


def _fault_counts(table: SourceTable) -> str:
    shown = {fault.name: fault.shows for fault in table.all_faults if fault.shows}
    texts = {column.name: _shown_value(column) for column in table.columns}
    cases = " ".join(f"WHEN '{fault}' THEN {texts[column]}" for fault, column in shown.items())
    value = f"CASE {FAULT_NAME} {cases} END" if cases else "CAST(NULL AS STRING)"
    rows = _select(["fault", f"IFNULL({_row_key(table)}, '(empty)') AS row_key", f"{value} AS value"], "classified")
    key_number = "ROW_NUMBER() OVER (PARTITION BY fault ORDER BY row_key) AS key_number"
    value_number = "ROW_NUMBER() OVER (PARTITION BY fault ORDER BY COUNT(*) DESC, value) AS value_number"
    steps = {
        "faulty_rows": f"{rows}WHERE fault IS NOT NULL\n",
        "numbered_keys": _select(["fault", "row_key", key_number], "faulty_rows"),
        "numbered_values": _select(["fault", "value", value_number], "faulty_rows")
        + "WHERE value IS NOT NULL\nGROUP BY fault, value\n",
        "first_values": _select(["fault", *_first_three("value", "value")], "numbered_values") + "GROUP BY fault\n",
        "first_keys": _select(["fault", "COUNT(*) AS n_rows", *_first_three("key", "sample")], "numbered_keys")
        + "GROUP BY fault\n",
    }
    named = ",\n".join(f"{name} AS (\n{text})" for name, text in steps.items())
    columns = ["first_keys.*", "value_1", "value_2", "value_3"]
    joined = "LEFT JOIN first_values ON first_values.fault = first_keys.fault\nORDER BY n_rows DESC, first_keys.fault\n"
    return f"WITH\n{named}\n{_select(columns, 'first_keys')}{joined}"


def _kind_counts(table: SourceTable) -> str:
    columns = [f"{table.kind_column} AS kind", "fault", "COUNT(*) AS n_rows"]
    of_kinds = f"WHERE {table.kind_column} IN ({_literals(table.kinds)})\n"
    return f"{_select(columns, 'classified')}{of_kinds}GROUP BY kind, fault\nORDER BY kind, fault\n"


def _first_three(of: str, name: str) -> list[str]:
    column = {"key": "row_key"}.get(of, of)
    return [f"MAX(IF({of}_number = {n}, {column}, NULL)) AS {name}_{n}" for n in (1, 2, 3)]


def _quarantined_rows(table: SourceTable) -> str:
    counted = _literals(table.faults_with("duplicate", "outside window"))
    ordinary = table.faults_with("set aside")
    outcome = f"IF({FAULT_NAME} IN ({_literals(ordinary)}), 'set aside', 'quarantined')" if ordinary else "'quarantined'"
    values = ",\n    ".join(f"{_json_value(column)} AS {column.name}" for column in table.columns if column.seen != "nowhere")
    columns = [
        "@week AS week",
        f"'{table.name}' AS source_table",
        "fault AS reason",
        f"{outcome} AS outcome",
        f"{_row_key(table)} AS row_key",
        f"TO_JSON_STRING(STRUCT(\n    {values}\n  )) AS row_json",
    ]
    kept = f"WHERE fault IS NOT NULL AND {FAULT_NAME} NOT IN ({counted})\n"
    return f"{_select(columns, 'classified')}{kept}ORDER BY reason, row_key, row_json\n"


def _since(table: SourceTable, parameter: str) -> str:
    return f"WHERE {table.dated_by} IS NULL OR {table.dated_by} >= @{parameter}\n"


def _select(columns: list[str], table: str) -> str:
    listed = ",\n  ".join(columns)
    return f"SELECT\n  {listed}\nFROM {table}\n"


def _row_key(table: SourceTable) -> str:
    if len(table.key) == 1:
        return table.key[0]
    return "CONCAT(" + ", ' | ', ".join(f"IFNULL({name}, '')" for name in table.key) + ")"


def _number_text(name: str) -> str:
    return f"REGEXP_REPLACE(LOWER(CAST({name} AS STRING)), '[.]0$', '')"


def _shown_value(column: Column) -> str:
    # Plain words are shown; any other text could be somebody's id.
    if column.kind == "string" and not column.is_id:
        return f"IF(REGEXP_CONTAINS({column.name}, '^[\\\\p{{L}} _-]{{1,30}}$'), {column.name}, NULL)"
    return _json_value(column)


def _json_value(column: Column) -> str:
    if column.kind == "timestamp":
        return f"FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%S', {column.name})"
    return _number_text(column.name) if column.kind == "number" else column.name


def _literals(texts: tuple[str, ...]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def queries(tables: Mapping[str, SourceTable]) -> dict[str, str]:
    """The text of every query that follows from some declarations, by name."""
    profiles = {f"source_profile_{name}": _profile(table) for name, table in tables.items()}
    logs = {f"rows_read_{name}": _rows_read(table) for name, table in tables.items() if table.is_log}
    kinds = {f"kind_counts_{name}": _kind_counts(table) for name, table in tables.items() if table.kinds}
    return (
        profiles
        | logs
        | kinds
        | {
            f"{query}{name}{end}": write(table)
            for query, end, write in (
                ("", "_rows", _rows),
                ("fault_counts_", "", _fault_counts),
                ("quarantined_rows_", "", _quarantined_rows),
            )
            for name, table in tables.items()
            if table.key
        }
    )


# Nothing reads the rows of a table without a key yet, so nothing cleans them.
CLEANED = tuple(name for name, table in SOURCE_TABLES.items() if table.key)

# The source table behind each `<table>_rows`, which a session reads like a table.
ROWS = {f"{name}_rows": name for name in CLEANED}

QUERIES = queries(SOURCE_TABLES)
