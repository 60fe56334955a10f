"""The judge of what SQL means: Google's reference implementation of BigQuery's SQL (zetasql), run on Arrow tables."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlglot
import wasmtime
from google.protobuf.timestamp_pb2 import Timestamp
from zetasql import types
from zetasql.api import CatalogBuilder, TableBuilder
from zetasql.core import wasm_client
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
KINDS = types.TypeKind
# The place of a row in its table, for rows that are removed: a table without a key does not say which ones.
POSITION = "position"


class CachedConfig(wasmtime.Config):
    """Compiling the reference takes half a minute: wasmtime keeps the result in the user's cache folder."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


wasm_client.Config = CachedConfig


def run_reference(text: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a query over some tables. A parameter that is None is a string NULL: the query must cast it."""
    request = _asked(types.EvaluateQueryRequest, text, tables, parameters)
    answer = _answer("EvaluateQuery", request, local_service_pb2.EvaluateQueryResponse)
    names = [column.name for column in answer.prepared.columns]
    return [dict(zip(names, map(_python, row.cell), strict=True)) for row in answer.content.table_data.row]


def change_reference(
    text: str, changed: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The rows of the table ``changed`` after a statement that inserts rows into it, or deletes or updates some of it."""
    rows, names = tables[changed].to_pylist(), tables[changed].column_names
    is_insert = isinstance(sqlglot.parse_one(text, read="bigquery"), sqlglot.expressions.Insert)
    key_of = None if is_insert else changed
    if key_of:
        tables = {**tables, changed: tables[changed].append_column(POSITION, pa.array(range(len(rows)), pa.int64()))}
    request = _asked(types.EvaluateModifyRequest, text, tables, parameters, key_of=key_of)
    answer = _answer("EvaluateModify", request, local_service_pb2.EvaluateModifyResponse)
    operations = local_service_pb2.EvaluateModifyResponse.Row
    gone = {row.old_primary_key[0].int64_value for row in answer.content if row.operation == operations.DELETE}
    new = [list(map(_python, row.cell)) for row in answer.content if row.operation == operations.INSERT]
    updated = {
        row.old_primary_key[0].int64_value: dict(zip(names, map(_python, row.cell), strict=False))
        for row in answer.content
        if row.operation == operations.UPDATE
    }
    left = [updated.get(position, row) for position, row in enumerate(rows) if position not in gone]
    return left + [dict(zip(names, cells, strict=True)) for cells in new]


def _answer(function: str, request: Any, response: Any) -> Any:
    """What the package's own client would decode, as it comes: its decoder loses moments."""
    client = ZetaSqlLocalService.get_instance().wasm_client
    return client.call_grpc_func(f"ZetaSqlLocalService_{function}", request, response)


def _asked(
    kind: Any, text: str, tables: Mapping[str, pa.Table], parameters: Mapping[str, Any], *, key_of: str | None = None
) -> Any:
    """A request of a kind; the last column of the table ``key_of`` is its key."""
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
        built = builder.build()
        if name == key_of:
            built.primary_key_column_index = [table.num_columns - 1]
        catalog.add_table(built)
    request = kind(sql=text, options=options, simple_catalog=catalog.build()).to_proto()
    for name, table in tables.items():
        request.table_content[name].table_data.SetInParent()  # of a table without rows too
        rows = request.table_content[name].table_data.row
        for values in zip(*(column.to_pylist() for column in table.columns), strict=True):
            rows.add().cell.extend(map(_value, values))
    for name, value in parameters.items():
        request.params.add(name=name, value=_value(value))
    return request


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


def _value(value: Any) -> ValueProto:
    if value is None:
        return ValueProto()
    if isinstance(value, list):
        return ValueProto(array_value=ValueProto.Array(element=map(_value, value)))
    if isinstance(value, dt.datetime):
        micros = (value - EPOCH) // dt.timedelta(microseconds=1)
        return ValueProto(timestamp_value=Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000))
    if isinstance(value, dt.date):
        return ValueProto(date_value=(value - EPOCH.date()).days)
    held = {bool: "bool_value", int: "int64_value", float: "double_value", str: "string_value"}
    return ValueProto(**{held[type(value)]: value})


def _python(cell: Any) -> Any:
    held = cell.WhichOneof("value")
    if held is None:
        return None
    value = getattr(cell, held)
    if held == "timestamp_value":
        return EPOCH + dt.timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    if held == "date_value":
        return EPOCH.date() + dt.timedelta(days=value)
    if held not in {"string_value", "int64_value", "double_value", "bool_value"}:
        raise TypeError(f"a value of {held} cannot be compared yet.")
    return value
