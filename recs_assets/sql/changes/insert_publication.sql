-- A publication, or a rollback.
INSERT INTO publications (
  sequence, publication_id, week, version_before, version_after, action, audit_id, content_hash, mail_hash, n_rows,
  n_users, n_mailed, n_withheld, run_id, model_week, model_version, settings_hash, published_at, reason, long_table,
  wide_table
)
VALUES (
  CAST(@sequence AS INT64), CAST(@publication_id AS STRING), CAST(@week AS DATE), CAST(@version_before AS STRING),
  CAST(@version_after AS STRING), CAST(@action AS STRING), CAST(@audit_id AS STRING), CAST(@content_hash AS STRING),
  CAST(@mail_hash AS STRING), CAST(@n_rows AS INT64), CAST(@n_users AS INT64), CAST(@n_mailed AS INT64),
  CAST(@n_withheld AS INT64), CAST(@run_id AS STRING), CAST(@model_week AS DATE), CAST(@model_version AS STRING),
  CAST(@settings_hash AS STRING), CAST(@published_at AS TIMESTAMP), CAST(@reason AS STRING),
  CAST(@long_table AS STRING), CAST(@wide_table AS STRING)
)
