"""How to fix a column of the wrong type: the expression in SQL, and in pandas."""

from recs_assets.contract import Column

# By the contract's kind and by what the column holds; {c} is the column. An empty second key is for everything else.
EXPRESSIONS: dict[tuple[str, str], tuple[str, str]] = {
    # Up to 2^53 a float still tells whole numbers apart.
    ("string", "float"): ("CAST(CAST({c} AS INT64) AS STRING)", 'df["{c}"].astype("Int64").astype("string")'),
    ("string", "decimal"): ("CAST({c} AS STRING)", 'df["{c}"].astype("string")'),
    ("string", "binary"): ("SAFE_CONVERT_BYTES_TO_STRING({c}), or TO_HEX({c})", 'df["{c}"].map(bytes.hex, na_action="ignore")'),
    ("string", ""): ("CAST({c} AS STRING)", 'df["{c}"].astype("string")'),
    ("number", "text"): (
        "SAFE_CAST(REGEXP_REPLACE({c}, r'[^0-9.-]', '') AS NUMERIC)",
        'pd.to_numeric(df["{c}"].str.replace(r"[^0-9.-]", "", regex=True))',
    ),
    ("number", ""): ("CAST({c} AS NUMERIC)", 'pd.to_numeric(df["{c}"])'),
    ("integer", "text"): ("SAFE_CAST({c} AS INT64)", 'pd.to_numeric(df["{c}"]).astype("Int64")'),
    ("integer", ""): ("CAST(ROUND({c}) AS INT64)", 'df["{c}"].round().astype("Int64")'),
    ("boolean", "text"): (
        "LOWER({c}) IN ('true', 't', 'yes', 'y', '1')",
        'df["{c}"].str.lower().map({{"true": True, "false": False}})',
    ),
    ("boolean", ""): ("{c} != 0", 'df["{c}"].ne(0).where(df["{c}"].notna())'),
    ("timestamp", "text"): ("CAST({c} AS TIMESTAMP)", 'pd.to_datetime(df["{c}"], utc=True)'),
    ("timestamp", "integer"): ("TIMESTAMP_{unit}({c})", 'pd.to_datetime(df["{c}"], unit="{short}", utc=True)'),
    ("timestamp", ""): ("CAST({c} AS TIMESTAMP)", 'pd.to_datetime(df["{c}"], utc=True)'),
}

# The units in which moments are counted since 1970, each with what a moment of our days is less than.
UNITS = ((1e11, "SECONDS", "s"), (1e14, "MILLIS", "ms"), (1e18, "MICROS", "us"))


def column_fix(column: Column, held_as: str, sample: str | None) -> str:
    """What to write in the export, in SQL (BigQuery's words) and in pandas.

    Args:
        column: of the contract.
        held_as: what the stored column holds, as ``StoredColumn`` says it.
        sample: a value, which tells in which unit moments are counted.
    """
    held_as = "integer" if (column.kind, held_as) in (("timestamp", "float"), ("timestamp", "decimal")) else held_as
    sql, pandas = EXPRESSIONS.get((column.kind, held_as), EXPRESSIONS[column.kind, ""])
    value = abs(float(sample)) if held_as == "integer" and sample else 0.0
    _, unit, short = next((of for of in UNITS if value < of[0]), UNITS[-1])
    values = {"c": column.name, "unit": unit, "short": short}
    return f"In SQL: {sql.format(**values)}; in pandas: {pandas.format(**values)}."
