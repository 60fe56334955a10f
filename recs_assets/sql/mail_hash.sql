WITH
-- Everything but generated_at, figures to nine decimals.
content_rows AS (
  SELECT TO_HEX(MD5(ARRAY_TO_STRING([
    IFNULL(email_lower, 'NULL'),
    IFNULL(CAST(v1_year AS STRING), 'NULL'),
    IFNULL(v1_make, 'NULL'),
    IFNULL(v1_model, 'NULL'),
    -- slot begins
    IFNULL(rec_part_SLOT, 'NULL'),
    CASE
      WHEN recSLOT_price IS NULL THEN 'NULL'
      WHEN ABS(recSLOT_price) < 1e9 THEN CAST(CAST(ROUND(recSLOT_price * 1000000000) AS INT64) AS STRING)
      ELSE 'not finite'
    END,
    CASE
      WHEN recSLOT_score IS NULL THEN 'NULL'
      WHEN ABS(recSLOT_score) < 1e9 THEN CAST(CAST(ROUND(recSLOT_score * 1000000000) AS INT64) AS STRING)
      ELSE 'not finite'
    END,
    IFNULL(recSLOT_image, 'NULL'),
    IFNULL(recSLOT_type, 'NULL'),
    IFNULL(recSLOT_pop_source, 'NULL'),
    -- slot ends
    IFNULL(pipeline_version, 'NULL')
    -- slot begins
    , IFNULL(recSLOT_reason, 'NULL')  -- added reason
    , IFNULL(recSLOT_title, 'NULL')  -- added title
    , IFNULL(recSLOT_link, 'NULL')  -- added link
    -- slot ends
    , IFNULL(user_id, 'NULL')  -- added user_id
  ], ' | '))) AS row_hash
  FROM mail
)
SELECT
  CONCAT(
    CAST(IFNULL(BIT_XOR(CAST(CONCAT('0x', SUBSTR(row_hash, 1, 15)) AS INT64)), 0) AS STRING), '-',
    CAST(IFNULL(BIT_XOR(CAST(CONCAT('0x', SUBSTR(row_hash, 16, 15)) AS INT64)), 0) AS STRING), '-',
    CAST(COUNT(*) AS STRING)
  ) AS mail_hash
FROM content_rows
