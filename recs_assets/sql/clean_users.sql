WITH
-- Whatever created_at says, who has events or a vehicle from before the week's end existed before it: a load and a migration
-- write dates of their own.
traces AS (
  SELECT user_id, event_ts AS moment
  FROM events
  WHERE event_ts >= @start
  UNION ALL
  SELECT user_id, added_at
  FROM ownership
  WHERE added_at >= TIMESTAMP '2000-01-01 00:00:00+00'
),
seen AS (
  SELECT user_id, MIN(moment) AS first_seen_at
  FROM traces
  WHERE moment < @as_of
  GROUP BY user_id
),
dated AS (
  SELECT
    users_rows.*,
    first_seen_at,
    IF(
      COUNT(IF(created_at IS NULL, 1, NULL)) OVER (PARTITION BY users_rows.user_id) > 0,
      NULL, MIN(created_at) OVER (PARTITION BY users_rows.user_id)
    ) AS first_created_at
  FROM users_rows
  LEFT JOIN seen ON seen.user_id = users_rows.user_id
),
with_faults AS (
  SELECT
    *,
    CASE
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN created_at > @now THEN 'created_at in the future'
      WHEN created_at >= @as_of AND (first_seen_at IS NULL OR created_at IS DISTINCT FROM first_created_at) THEN 'outside window'
    END AS row_fault
  FROM dated
),
-- Of the rows without a fault of their own the newest counts: one with a fault displaces nobody. Of several newest ones it does
-- not matter which: mail_addresses.sql looks at all of them.
ranked AS (
  SELECT
    *,
    RANK() OVER (PARTITION BY user_id, row_fault IS NULL ORDER BY created_at DESC) AS moment_rank,
    ROW_NUMBER() OVER (PARTITION BY user_id, row_fault IS NULL ORDER BY created_at DESC, content_rank) AS age_rank
  FROM with_faults
)
SELECT
  * EXCEPT (form_fault, content_rank, row_fault, moment_rank, age_rank),
  CASE
    WHEN row_fault IS NOT NULL THEN row_fault
    WHEN moment_rank > 1 THEN 'older row of the same user_id'
    WHEN age_rank > 1 THEN 'tied row of the same user_id'
  END AS fault
FROM ranked
