"""The judge of what a query means: Google's reference implementation of BigQuery's SQL (zetasql), run on Arrow tables."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import wasmtime
from zetasql import types
from zetasql.api import CatalogBuilder, PreparedQuery, TableBuilder
from zetasql.api import Value as Typed
from zetasql.core import wasm_client

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
KINDS = types.TypeKind


class CachedConfig(wasmtime.Config):
    """Compiling the reference takes half a minute: wasmtime keeps the result in the user's cache folder."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


wasm_client.Config = CachedConfig


def run_reference(text: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a query over some tables. A parameter that is None is a string NULL: the query must cast it."""
    language = types.LanguageOptions.maximum_features()
    options = types.AnalyzerOptions(language_options=language, default_timezone="UTC")
    options.query_parameters = [
        types.AnalyzerOptions.QueryParameter(name=name, type=_parameter_type(value)) for name, value in parameters.items()
    ]
    catalog = CatalogBuilder("shop").with_builtin_functions(types.ZetaSQLBuiltinFunctionOptions(language_options=language))
    for name, table in tables.items():
        builder = TableBuilder(name)
        for field in table.schema:
            builder.add_column(field.name, _kind(field.type))
        catalog.add_table(builder.build())
    built, content = catalog.build(), {name: _content(table) for name, table in tables.items()}

    def prepare(sql: str) -> PreparedQuery:
        builder = PreparedQuery.builder().set_sql(sql).set_analyzer_options(options).set_catalog(built)
        return builder.set_table_content(content).prepare()

    bound = [types.Parameter(name=name, value=_value(value)) for name, value in parameters.items()]
    with prepare(text) as query:
        kinds = {column.name: column.type.type_kind for column in query.columns}
        # To prepare a query takes most of the time: once is enough where nothing has to be read in another way.
        answer = None if KINDS.TYPE_TIMESTAMP in kinds.values() else query.execute(parameters=bound).content.table_data
    if KINDS.TYPE_TIMESTAMP in kinds.values():
        # The package cannot decode timestamps: they come out as microseconds.
        columns = [f"UNIX_MICROS({name}) AS {name}" if kind == KINDS.TYPE_TIMESTAMP else name for name, kind in kinds.items()]
        with prepare(f"SELECT {', '.join(columns)} FROM ({text})") as query:
            answer = query.execute(parameters=bound).content.table_data
    rows = [] if answer is None else answer.row
    return [{name: _python(cell, kind) for (name, kind), cell in zip(kinds.items(), row.cell, strict=True)} for row in rows]


def _kind(arrow: pa.DataType) -> Any:
    if pa.types.is_timestamp(arrow):
        return KINDS.TYPE_TIMESTAMP
    return {
        pa.string(): KINDS.TYPE_STRING,
        pa.int64(): KINDS.TYPE_INT64,
        pa.float64(): KINDS.TYPE_DOUBLE,
        pa.bool_(): KINDS.TYPE_BOOL,
        pa.date32(): KINDS.TYPE_DATE,
    }[arrow]


def _parameter_type(value: Any) -> Any:
    if isinstance(value, list):
        element = types.Type(type_kind=KINDS.TYPE_STRING)
        return types.Type(type_kind=KINDS.TYPE_ARRAY, array_type=types.ArrayType(element_type=element))
    kinds = {bool: KINDS.TYPE_BOOL, int: KINDS.TYPE_INT64, float: KINDS.TYPE_DOUBLE, str: KINDS.TYPE_STRING}
    kinds |= {dt.datetime: KINDS.TYPE_TIMESTAMP, dt.date: KINDS.TYPE_DATE, type(None): KINDS.TYPE_STRING}
    return types.Type(type_kind=kinds[type(value)])


def _content(table: pa.Table) -> Any:
    rows = [types.TableData.Row(cell=[_value(value) for value in row.values()]) for row in table.to_pylist()]
    return types.TableContent(table_data=types.TableData(row=rows))


def _value(value: Any) -> Any:
    if value is None:
        return types.Value()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return types.Value(array_value=types.Value.Array(element=[_value(element) for element in value]))
    if isinstance(value, dt.datetime):
        return Typed.timestamp(value.astimezone(dt.UTC)).to_proto()
    if isinstance(value, dt.date):
        return Typed.date(value.year, value.month, value.day).to_proto()
    by_type = {bool: Typed.bool, int: Typed.int64, float: Typed.double, str: Typed.string}
    return by_type[type(value)](value).to_proto()


def _python(cell: Any, kind: Any) -> Any:
    value = Typed.from_proto(cell)
    if value.is_null():
        return None
    if kind == KINDS.TYPE_TIMESTAMP:
        return EPOCH + dt.timedelta(microseconds=value.get_int64())
    if kind == KINDS.TYPE_DATE:
        return EPOCH.date() + dt.timedelta(days=cell.date_value)
    read = {
        KINDS.TYPE_STRING: value.get_string,
        KINDS.TYPE_INT64: value.get_int64,
        KINDS.TYPE_DOUBLE: value.get_double,
        KINDS.TYPE_BOOL: value.get_bool,
    }
    return read[kind]()
