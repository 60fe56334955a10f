-- A table that is about to be staged.
INSERT INTO staged_tables (
  table_name, staged_at
)
VALUES (
  CAST(@table_name AS STRING), CAST(@staged_at AS TIMESTAMP)
)
