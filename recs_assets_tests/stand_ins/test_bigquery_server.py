"""The stand-in for BigQuery and that for its bucket see the same objects."""

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from recs_assets_tests.stand_ins.servers import PROJECT, BigQuery, Storage

EXPORT = "EXPORT DATA OPTIONS (uri = 'gs://exchange/out/part-*.parquet', format = 'PARQUET') AS SELECT 7 AS n"


def test_what_is_exported_is_an_object_and_an_object_can_be_loaded(storage_server: Storage, bigquery_server: BigQuery) -> None:
    storage_server.make_bucket("exchange")
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    client = bigquery.Client(project=PROJECT, credentials=anonymous, client_options={"api_endpoint": bigquery_server.url})
    client.query(EXPORT, timeout=20).result(retry=None, timeout=20)
    (exported,) = storage_server.client().list_blobs("exchange", prefix="out/")
    client.create_dataset("shared")
    config = bigquery.LoadJobConfig(source_format="PARQUET", schema=[bigquery.SchemaField("n", "INT64")])
    client.load_table_from_uri(f"gs://exchange/{exported.name}", "shared.t", job_config=config).result(retry=None, timeout=20)

    channel = grpc.insecure_channel(bigquery_server.grpc)
    reader = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    table = client.list_rows("shared.t").to_arrow(bqstorage_client=reader)
    assert table.to_pydict() == {"n": [7]}
