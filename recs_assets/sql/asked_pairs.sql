-- What became of each part that is asked about in each profile's list: one row a profile and part, with how many people that is.
WITH
parts AS (
  SELECT
    product_nodes.product_id, variant_group, part_type, ineligible_reason,
    IFNULL(is_universal, FALSE) AS is_universal,
    IFNULL(created_at >= @as_of, FALSE) AS is_new
  FROM asked
  JOIN product_nodes ON product_nodes.product_id = asked.product_id
),
fitting AS (
  SELECT DISTINCT profile_id, parts.product_id
  FROM parts
  JOIN fits_edges ON fits_edges.product_id = parts.product_id
  JOIN profile_vehicles ON profile_vehicles.vehicle_id = fits_edges.vehicle_id
),
orders AS (
  SELECT user_id, product_id, event_ts, returned_at
  FROM interaction_edges
  WHERE event_type = 'order'
  UNION ALL
  SELECT user_id, product_id, event_ts, returned_at
  FROM other_orders
),
bought AS (
  SELECT
    profile_id, parts.product_id,
    MAX(IF(orders.product_id = parts.product_id, 1, 0)) AS is_itself
  FROM orders
  JOIN profiles ON profiles.user_id = orders.user_id
  JOIN product_nodes ON product_nodes.product_id = orders.product_id
  JOIN parts
    ON parts.product_id = orders.product_id
    OR (parts.variant_group = product_nodes.variant_group AND CAST(@exclude_bought_variants AS BOOL))
  WHERE
    event_ts >= TIMESTAMP_SUB(@as_of, INTERVAL CAST(@exclude_bought_days AS INT64) DAY)
    AND event_ts < @as_of
    AND (returned_at IS NULL OR returned_at >= @as_of)
  GROUP BY profile_id, parts.product_id
),
listed AS (
  SELECT profile_id, rank, profile_recommendations.product_id, final_score, variant_group, part_type
  FROM profile_recommendations
  JOIN product_nodes ON product_nodes.product_id = profile_recommendations.product_id
),
last_of_list AS (
  SELECT profile_id, product_id, final_score
  FROM listed
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY profile_id ORDER BY rank DESC, product_id) = 1
),
variants AS (
  SELECT listed.profile_id, parts.product_id, listed.product_id AS rival_id, final_score
  FROM parts
  JOIN listed ON listed.variant_group = parts.variant_group
  WHERE CAST(@one_per_variant_group AS BOOL)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY listed.profile_id, parts.product_id ORDER BY rank, listed.product_id) = 1
),
-- The last one of its type that a list has room for.
same_type AS (
  SELECT listed.profile_id, parts.product_id, listed.product_id AS rival_id, final_score
  FROM parts
  JOIN listed ON listed.part_type = parts.part_type
  WHERE TRUE
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY listed.profile_id, parts.product_id ORDER BY rank, listed.product_id)
    = CAST(@max_per_part_type AS INT64)
),
with_outcome AS (
  SELECT
    parts.product_id, profiles.profile_id, n_users,
    CASE
      WHEN own.rank <= @slots THEN 'in_slots'
      WHEN own.rank IS NOT NULL THEN 'on_list'
      WHEN ineligible_reason IS NOT NULL THEN 'not_eligible'
      WHEN is_new THEN 'not_known_yet'
      WHEN @require_fitment AND @has_fitment AND NOT is_universal AND fitting.profile_id IS NULL THEN 'fits_no_vehicle'
      WHEN is_itself = 1 THEN 'bought_already'
      WHEN is_itself = 0 THEN 'variant_bought_already'
      WHEN variants.rival_id IS NOT NULL THEN 'variant_listed'
      WHEN same_type.rival_id IS NOT NULL THEN 'enough_of_type'
      WHEN score IS NULL THEN 'far_outranked'
      ELSE 'outranked'
    END AS outcome,
    score,
    variants.rival_id AS variant_id, variants.final_score AS variant_score,
    same_type.rival_id AS same_type_id, same_type.final_score AS same_type_score,
    last_of_list.product_id AS last_id, last_of_list.final_score AS last_score
  FROM parts
  CROSS JOIN profiles
  LEFT JOIN listed AS own ON own.profile_id = profiles.profile_id AND own.product_id = parts.product_id
  LEFT JOIN fitting ON fitting.profile_id = profiles.profile_id AND fitting.product_id = parts.product_id
  LEFT JOIN bought ON bought.profile_id = profiles.profile_id AND bought.product_id = parts.product_id
  LEFT JOIN variants ON variants.profile_id = profiles.profile_id AND variants.product_id = parts.product_id
  LEFT JOIN same_type ON same_type.profile_id = profiles.profile_id AND same_type.product_id = parts.product_id
  LEFT JOIN last_of_list ON last_of_list.profile_id = profiles.profile_id
  LEFT JOIN asked_scores ON asked_scores.profile_id = profiles.profile_id AND asked_scores.product_id = parts.product_id
)
SELECT
  product_id, profile_id, outcome, n_users,
  -- The listed part that it would have had to beat, and by how much it did not.
  CASE
    WHEN outcome = 'variant_listed' THEN variant_id
    WHEN outcome = 'enough_of_type' THEN same_type_id
    WHEN outcome IN ('outranked', 'far_outranked') THEN last_id
  END AS rival_id,
  CASE
    WHEN outcome = 'variant_listed' THEN variant_score
    WHEN outcome = 'enough_of_type' THEN same_type_score
    WHEN outcome = 'outranked' THEN last_score
  END - score AS gap
FROM with_outcome
