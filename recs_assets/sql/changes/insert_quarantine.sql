-- Rows that were left out of a source table.
INSERT INTO quarantine (
  week, source_table, reason, outcome, row_key, row_json
)
SELECT
  week, source_table, reason, outcome, row_key, row_json
FROM incoming
