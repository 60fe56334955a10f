WITH
-- Everything but run_id and scored_at, scores to nine decimals.
content_rows AS (
  SELECT
    user_id,
    TO_HEX(MD5(ARRAY_TO_STRING([
      IFNULL(user_id, 'NULL'),
      IFNULL(CAST(week AS STRING), 'NULL'),
      IFNULL(CAST(rank AS STRING), 'NULL'),
      IFNULL(product_id, 'NULL'),
      CASE
        WHEN final_score IS NULL THEN 'NULL'
        WHEN ABS(final_score) < 1e9 THEN CAST(CAST(ROUND(final_score * 1000000000) AS INT64) AS STRING)
        ELSE 'not finite'
      END,
      CASE
        WHEN sql_score IS NULL THEN 'NULL'
        WHEN ABS(sql_score) < 1e9 THEN CAST(CAST(ROUND(sql_score * 1000000000) AS INT64) AS STRING)
        ELSE 'not finite'
      END,
      CASE
        WHEN gnn_score IS NULL THEN 'NULL'
        WHEN ABS(gnn_score) < 1e9 THEN CAST(CAST(ROUND(gnn_score * 1000000000) AS INT64) AS STRING)
        ELSE 'not finite'
      END,
      IFNULL(segment, 'NULL'),
      IFNULL(arm, 'NULL'),
      IFNULL(source, 'NULL'),
      IFNULL(reason_code, 'NULL'),
      IFNULL(reason_text, 'NULL'),
      IFNULL(CAST(model_week AS STRING), 'NULL')
    ], ' | '))) AS row_hash
  FROM staged
  WHERE week = @week
),
-- Exclusive or does not know the order of rows; two halves of the hash, and the count, make it hard to fool.
content AS (
  SELECT
    COUNT(*) AS n_rows,
    COUNT(DISTINCT user_id) AS n_users,
    CONCAT(
      CAST(IFNULL(BIT_XOR(CAST(CONCAT('0x', SUBSTR(row_hash, 1, 15)) AS INT64)), 0) AS STRING), '-',
      CAST(IFNULL(BIT_XOR(CAST(CONCAT('0x', SUBSTR(row_hash, 16, 15)) AS INT64)), 0) AS STRING), '-',
      CAST(COUNT(*) AS STRING)
    ) AS content_hash
  FROM content_rows
)
SELECT n_rows, n_users, content_hash
FROM content
