WITH
copies AS (
  SELECT
    user_id, email, created_at, email_consent,
    ROW_NUMBER() OVER (PARTITION BY user_id, email, created_at, email_consent ORDER BY user_id) AS copy_number
  FROM users
),
judged AS (
  SELECT
    *,
    CASE
      WHEN copy_number > 1 THEN 'exact duplicate'
      WHEN IFNULL(REPLACE(user_id, ' ', ''), '') = '' THEN 'empty user_id'
      WHEN REGEXP_CONTAINS(user_id, '[\\x00]') THEN 'NUL character in user_id'
      WHEN created_at > @now THEN 'created_at in the future'
      WHEN created_at >= @as_of THEN 'outside window'
    END AS row_fault
  FROM copies
),
-- Of the rows without a fault of their own the newest counts: one with a fault displaces nobody.
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY user_id, row_fault IS NULL ORDER BY created_at DESC, email DESC, email_consent DESC
    ) AS age_rank
  FROM judged
),
faults AS (
  SELECT *, IF(row_fault IS NULL AND age_rank > 1, 'older row of the same user_id', row_fault) AS fault
  FROM ranked
)
SELECT
  user_id, email, created_at, email_consent, fault, user_id AS row_key,
  IF(fault IS NULL OR fault IN ('exact duplicate', 'outside window'), NULL, TO_JSON_STRING(STRUCT(
    user_id AS user_id,
    FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%S', created_at) AS created_at,
    email_consent AS email_consent
  ))) AS row_json
FROM faults
