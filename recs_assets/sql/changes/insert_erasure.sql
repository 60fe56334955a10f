-- What is left of a version's table.
INSERT INTO erasures (
  sequence, erased_at, publication_id, table_name, n_erased, n_rows, n_users, content_hash
)
VALUES (
  CAST(@sequence AS INT64), CAST(@erased_at AS TIMESTAMP), CAST(@publication_id AS STRING),
  CAST(@table_name AS STRING), CAST(@n_erased AS INT64), CAST(@n_rows AS INT64), CAST(@n_users AS INT64),
  CAST(@content_hash AS STRING)
)
