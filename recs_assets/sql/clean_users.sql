WITH
judged AS (
  SELECT
    *,
    CASE
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN created_at > @now THEN 'created_at in the future'
      WHEN created_at >= @as_of THEN 'outside window'
    END AS row_fault
  FROM users_rows
),
-- Of the rows without a fault of their own the newest counts: one with a fault displaces nobody.
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY user_id, row_fault IS NULL ORDER BY created_at DESC, content_rank) AS age_rank
  FROM judged
)
SELECT
  * EXCEPT (form_fault, content_rank, row_fault, age_rank),
  IF(row_fault IS NULL AND age_rank > 1, 'older row of the same user_id', row_fault) AS fault
FROM ranked
