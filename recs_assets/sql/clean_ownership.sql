WITH
-- People of whom the week does not know yet: what names one is not known yet either, and no fault.
later_users AS (
  SELECT DISTINCT user_id
  FROM users
  WHERE created_at >= @as_of AND created_at <= @now
),
judged AS (
  SELECT
    ownership_rows.*,
    CASE
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN added_at > @now THEN 'added_at in the future'
      WHEN added_at >= @as_of THEN 'outside window'
      WHEN user_nodes.user_id IS NULL AND later_users.user_id IS NULL THEN 'unknown user_id'
      WHEN vehicle_nodes.vehicle_id IS NULL THEN 'unknown vehicle_id'
      WHEN user_nodes.user_id IS NULL THEN 'outside window'
    END AS row_fault
  FROM ownership_rows
  LEFT JOIN user_nodes ON user_nodes.user_id = ownership_rows.user_id
  LEFT JOIN later_users ON later_users.user_id = ownership_rows.user_id
  LEFT JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = ownership_rows.vehicle_id
),
-- A garage that is saved again writes its rows anew: the newest one has the slot, but the vehicle has stood there since the
-- earliest, and since ever where one row has no date.
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY user_id, vehicle_id, row_fault IS NULL ORDER BY added_at DESC, content_rank
    ) AS age_rank,
    MIN(added_at) OVER (PARTITION BY user_id, vehicle_id, row_fault IS NULL) AS earliest,
    MAX(IF(added_at IS NULL, 1, 0)) OVER (PARTITION BY user_id, vehicle_id, row_fault IS NULL) AS is_undated
  FROM judged
)
SELECT
  * EXCEPT (form_fault, content_rank, row_fault, age_rank, earliest, is_undated),
  IF(row_fault IS NULL AND age_rank > 1, 'repeated user_id and vehicle_id', row_fault) AS fault,
  IF(is_undated = 1, NULL, earliest) AS owned_since
FROM ranked
