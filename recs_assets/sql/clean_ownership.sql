WITH
-- People of whom the week does not know yet: what names one is not known yet either, and no fault.
later_users AS (
  SELECT DISTINCT user_id
  FROM users
  WHERE created_at >= @as_of AND created_at <= @now
),
with_faults AS (
  SELECT
    ownership_rows.*,
    node_id,
    CASE
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN added_at > @now THEN 'added_at in the future'
      WHEN added_at >= @as_of THEN 'outside window'
      WHEN user_nodes.user_id IS NULL AND later_users.user_id IS NULL THEN 'unknown user_id'
      WHEN node_id IS NULL THEN 'unknown vehicle_id'
      WHEN user_nodes.user_id IS NULL THEN 'outside window'
    END AS row_fault
  FROM ownership_rows
  LEFT JOIN user_nodes ON user_nodes.user_id = ownership_rows.user_id
  LEFT JOIN later_users ON later_users.user_id = ownership_rows.user_id
  LEFT JOIN vehicle_ids ON vehicle_ids.vehicle_id = ownership_rows.vehicle_id
),
-- A garage that is saved again writes its rows anew: the newest one has the slot, but the vehicle has stood there since the
-- earliest, and since ever where one row has no date. So it is with the rows of several ids of one vehicle. Of several
-- newest ones the smallest slot counts.
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY user_id, node_id, row_fault IS NULL ORDER BY added_at DESC, IFNULL(slot, 1000000000), vehicle_id
    ) AS age_rank,
    RANK() OVER (PARTITION BY user_id, node_id, row_fault IS NULL ORDER BY added_at DESC) AS moment_rank,
    RANK() OVER (
      PARTITION BY user_id, node_id, row_fault IS NULL ORDER BY added_at DESC, IFNULL(slot, 1000000000)
    ) AS slot_rank,
    MIN(added_at) OVER (PARTITION BY user_id, node_id, row_fault IS NULL) AS earliest,
    MAX(IF(added_at IS NULL, 1, 0)) OVER (PARTITION BY user_id, node_id, row_fault IS NULL) AS is_undated
  FROM with_faults
)
SELECT
  * EXCEPT (form_fault, content_rank, row_fault, moment_rank, slot_rank, age_rank, earliest, is_undated),
  CASE
    WHEN row_fault IS NOT NULL THEN row_fault
    WHEN moment_rank = 1 AND slot_rank > 1 THEN 'tied row of the same user_id and vehicle_id'
    WHEN age_rank > 1 THEN 'repeated user_id and vehicle_id'
  END AS fault,
  IF(is_undated = 1, NULL, earliest) AS owned_since
FROM ranked
