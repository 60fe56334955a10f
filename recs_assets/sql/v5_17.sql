WITH
-- An event before its creation shows that a part existed before.
known_parts AS (
  SELECT DISTINCT product_id
  FROM interaction_edges
  WHERE event_ts < @as_of
),
-- Numbers instead of ids: one list per profile over hundreds of parts is many rows, and ids are long.
eligible_parts AS (
  SELECT
    product_nodes.product_id, IFNULL(is_universal, FALSE) AS is_universal, variant_group,
    -- What the rules of a list cap: NULL where nothing does.
    IF(IFNULL(CAST(@one_per_variant_group AS BOOL), FALSE), variant_group, NULL) AS variant,
    IF(CAST(@max_per_part_type AS INT64) IS NULL, NULL, part_type) AS type,
    ROW_NUMBER() OVER (ORDER BY product_nodes.product_id) AS part
  FROM product_nodes
  LEFT JOIN known_parts ON known_parts.product_id = product_nodes.product_id
  WHERE
    ineligible_reason IS NULL
    AND (created_at IS NULL OR created_at < @as_of OR known_parts.product_id IS NOT NULL)
),
numbered_profiles AS (
  SELECT profile_id, user_id, ROW_NUMBER() OVER (ORDER BY profile_id) AS profile
  FROM profiles
),
orders AS (
  SELECT interaction_edges.user_id, eligible_parts.part
  FROM interaction_edges
  JOIN eligible_parts ON eligible_parts.product_id = interaction_edges.product_id
  WHERE
    event_type = 'order'
    AND event_ts >= TIMESTAMP_SUB(@as_of, INTERVAL @lookback_days DAY)
    AND event_ts < @as_of
),
-- An owner of two vehicles of one model is one owner of that model.
model_owners AS (
  SELECT DISTINCT user_id, make, model
  FROM owns_edges
  JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = owns_edges.vehicle_id
  WHERE (added_at IS NULL OR added_at < @as_of) AND make IS NOT NULL AND model IS NOT NULL
),
make_owners AS (
  SELECT DISTINCT user_id, make
  FROM owns_edges
  JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = owns_edges.vehicle_id
  WHERE (added_at IS NULL OR added_at < @as_of) AND make IS NOT NULL
),
model_orders AS (
  SELECT make, model, part, COUNT(*) AS n_orders
  FROM orders
  JOIN model_owners ON model_owners.user_id = orders.user_id
  GROUP BY make, model, part
  HAVING COUNT(*) >= @model_min_orders
),
make_orders AS (
  SELECT make, part, COUNT(*) AS n_orders
  FROM orders
  JOIN make_owners ON make_owners.user_id = orders.user_id
  GROUP BY make, part
  HAVING COUNT(*) >= @make_min_orders
),
garage_vehicles AS (
  SELECT numbered_profiles.profile, vehicle_nodes.vehicle_id, make, model
  FROM profile_vehicles
  JOIN numbered_profiles ON numbered_profiles.profile_id = profile_vehicles.profile_id
  JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = profile_vehicles.vehicle_id
),
-- Of a garage's vehicles the best tier counts, and in it the largest number of orders.
garage_model_orders AS (
  SELECT profile, part, MAX(n_orders) AS n_orders
  FROM (SELECT DISTINCT profile, make, model FROM garage_vehicles) AS garage_models
  JOIN model_orders ON model_orders.make = garage_models.make AND model_orders.model = garage_models.model
  GROUP BY profile, part
),
garage_make_orders AS (
  SELECT profile, part, MAX(n_orders) AS n_orders
  FROM (SELECT DISTINCT profile, make FROM garage_vehicles) AS garage_makes
  JOIN make_orders ON make_orders.make = garage_makes.make
  GROUP BY profile, part
),
segment_scores AS (
  SELECT profile, part, @model_weight * LOG(1 + n_orders) AS sql_score, 'model' AS pop_source
  FROM garage_model_orders
  UNION ALL
  SELECT garage_make_orders.profile, garage_make_orders.part, @make_weight * LOG(1 + garage_make_orders.n_orders), 'make'
  FROM garage_make_orders
  LEFT JOIN garage_model_orders
    ON garage_model_orders.profile = garage_make_orders.profile AND garage_model_orders.part = garage_make_orders.part
  WHERE garage_model_orders.part IS NULL
),
global_scores AS (
  SELECT eligible_parts.part, @global_weight * LOG(1 + COUNT(orders.part)) AS sql_score
  FROM eligible_parts
  LEFT JOIN orders ON orders.part = eligible_parts.part
  GROUP BY eligible_parts.part
),
-- Without fitment every eligible part is a candidate, as universal parts always are.
open_parts AS (
  SELECT
    eligible_parts.part, is_universal, variant, type, sql_score,
    ROW_NUMBER() OVER (ORDER BY sql_score DESC, eligible_parts.part) AS global_rank,
    ROW_NUMBER() OVER (PARTITION BY variant ORDER BY sql_score DESC, eligible_parts.part) AS variant_rank
  FROM eligible_parts
  JOIN global_scores ON global_scores.part = eligible_parts.part
  WHERE is_universal OR NOT (@require_fitment AND @has_fitment)
),
-- What the caps of a list leave: the best of each variant group, and of these so many of a type.
ranked_open_parts AS (
  SELECT
    *,
    IF(variant IS NULL OR variant_rank = 1,
      ROW_NUMBER() OVER (PARTITION BY type, variant IS NULL OR variant_rank = 1 ORDER BY sql_score DESC, part), NULL
    ) AS type_rank
  FROM open_parts
),
open_survivors AS (
  SELECT sql_score, ROW_NUMBER() OVER (ORDER BY sql_score DESC, part) AS survivor_rank
  FROM ranked_open_parts
  WHERE type_rank IS NOT NULL AND (type IS NULL OR type_rank <= CAST(@max_per_part_type AS INT64))
),
fitting_parts AS (
  SELECT
    vehicle_id, eligible_parts.part, variant, type, sql_score,
    ROW_NUMBER() OVER (PARTITION BY vehicle_id, variant ORDER BY sql_score DESC, eligible_parts.part) AS variant_rank
  FROM fits_edges
  JOIN eligible_parts ON eligible_parts.product_id = fits_edges.product_id
  JOIN global_scores ON global_scores.part = eligible_parts.part
  WHERE NOT is_universal AND @require_fitment AND @has_fitment
  UNION ALL
  -- In a store without fitment everybody owns the one vehicle that all parts fit.
  SELECT
    '', part, variant, type, sql_score,
    ROW_NUMBER() OVER (PARTITION BY variant ORDER BY sql_score DESC, part)
  FROM open_parts
  WHERE NOT is_universal
),
ranked_fitting_parts AS (
  SELECT
    *,
    IF(variant IS NULL OR variant_rank = 1,
      ROW_NUMBER() OVER (
        PARTITION BY vehicle_id, type, variant IS NULL OR variant_rank = 1 ORDER BY sql_score DESC, part
      ), NULL
    ) AS type_rank
  FROM fitting_parts
),
fitting_survivors AS (
  SELECT
    vehicle_id, sql_score,
    ROW_NUMBER() OVER (PARTITION BY vehicle_id ORDER BY sql_score DESC, part) AS survivor_rank
  FROM ranked_fitting_parts
  WHERE type_rank IS NOT NULL AND (type IS NULL OR type_rank <= CAST(@max_per_part_type AS INT64))
),
all_orders AS (
  SELECT user_id, product_id, event_ts
  FROM interaction_edges
  WHERE event_type = 'order'
  UNION ALL
  SELECT user_id, product_id, event_ts
  FROM other_orders
),
bought AS (
  SELECT DISTINCT numbered_profiles.profile, product_nodes.product_id, product_nodes.variant_group
  FROM numbered_profiles
  JOIN all_orders ON all_orders.user_id = numbered_profiles.user_id
  JOIN product_nodes ON product_nodes.product_id = all_orders.product_id
  WHERE
    event_ts >= TIMESTAMP_SUB(@as_of, INTERVAL CAST(@exclude_bought_days AS INT64) DAY)
    AND event_ts < @as_of
),
excluded AS (
  SELECT profile, part
  FROM bought
  JOIN eligible_parts ON eligible_parts.product_id = bought.product_id
  UNION DISTINCT
  SELECT profile, part
  FROM bought
  JOIN eligible_parts ON eligible_parts.variant_group = bought.variant_group
  WHERE IFNULL(CAST(@exclude_bought_variants AS BOOL), FALSE)
),
-- At least @kept open parts are left after the excluded and the segment-scored ones among the first
-- @kept + as many: what scores less than the last of those is kept for the sake of the caps alone.
removed_parts AS (
  SELECT segment_scores.profile, segment_scores.part
  FROM segment_scores
  JOIN open_parts ON open_parts.part = segment_scores.part
  UNION ALL
  SELECT profile, part
  FROM excluded
),
removed_counts AS (
  SELECT profile, COUNT(*) AS n_removed
  FROM removed_parts
  GROUP BY profile
),
excluded_counts AS (
  SELECT profile, COUNT(*) AS n_excluded
  FROM excluded
  GROUP BY profile
),
garages AS (
  SELECT profile, vehicle_id FROM garage_vehicles
  UNION ALL
  SELECT profile, '' FROM numbered_profiles
),
-- Of a garage's vehicles any one may give the fitting parts.
fitting_thresholds AS (
  SELECT garages.profile, MAX(sql_score) AS lowest_score
  FROM garages
  LEFT JOIN excluded_counts ON excluded_counts.profile = garages.profile
  JOIN fitting_survivors
    ON fitting_survivors.vehicle_id = garages.vehicle_id AND survivor_rank = @list_length + IFNULL(n_excluded, 0)
  GROUP BY garages.profile
),
-- What the caps leave of the first n parts is never fewer of more parts: a list's worth of what is left of all, and of what
-- fits, lies at or above the last of as many more as are excluded. Where there are not so many, types alone say what is left.
thresholds AS (
  SELECT
    numbered_profiles.profile,
    IFNULL(n_excluded, 0) AS n_excluded,
    IFNULL(open_parts.sql_score, -1) AS lowest_score,
    open_survivors.sql_score AS lowest_left,
    fitting_thresholds.lowest_score AS lowest_fitting
  FROM numbered_profiles
  LEFT JOIN removed_counts ON removed_counts.profile = numbered_profiles.profile
  LEFT JOIN excluded_counts ON excluded_counts.profile = numbered_profiles.profile
  LEFT JOIN open_parts ON open_parts.global_rank = @kept + IFNULL(n_removed, 0)
  LEFT JOIN open_survivors ON survivor_rank = @list_length + @slots + IFNULL(n_excluded, 0)
  LEFT JOIN fitting_thresholds ON fitting_thresholds.profile = numbered_profiles.profile
),
segment_candidates AS (
  SELECT segment_scores.*
  FROM segment_scores
  JOIN open_parts ON open_parts.part = segment_scores.part
  UNION DISTINCT
  SELECT segment_scores.*
  FROM segment_scores
  JOIN garage_vehicles ON garage_vehicles.profile = segment_scores.profile
  JOIN fitting_parts
    ON fitting_parts.vehicle_id = garage_vehicles.vehicle_id AND fitting_parts.part = segment_scores.part
),
global_candidates AS (
  SELECT DISTINCT garage_vehicles.profile, part, sql_score
  FROM garage_vehicles
  JOIN thresholds ON thresholds.profile = garage_vehicles.profile
  JOIN ranked_fitting_parts ON ranked_fitting_parts.vehicle_id = garage_vehicles.vehicle_id
  WHERE
    sql_score >= LEAST(lowest_score, IFNULL(lowest_left, lowest_score), IFNULL(lowest_fitting, lowest_score))
    OR (
      lowest_fitting IS NULL
      AND type_rank <= IF(type IS NULL, @list_length, CAST(@max_per_part_type AS INT64)) + n_excluded
    )
  UNION ALL
  SELECT profile, part, sql_score
  FROM thresholds
  CROSS JOIN ranked_open_parts
  WHERE
    sql_score >= LEAST(lowest_score, IFNULL(lowest_left, lowest_score))
    OR (NOT is_universal AND sql_score >= lowest_fitting)
    OR (
      (lowest_left IS NULL OR (NOT is_universal AND lowest_fitting IS NULL))
      AND type_rank <= IF(type IS NULL, @list_length + @slots, CAST(@max_per_part_type AS INT64)) + n_excluded
    )
),
scored AS (
  SELECT profile, part, sql_score, pop_source
  FROM segment_candidates
  UNION ALL
  SELECT global_candidates.profile, global_candidates.part, global_candidates.sql_score, 'global'
  FROM global_candidates
  LEFT JOIN segment_scores
    ON segment_scores.profile = global_candidates.profile AND segment_scores.part = global_candidates.part
  WHERE segment_scores.part IS NULL
),
-- Parts are numbered in the order of their ids: ties go to the smaller id.
ranked AS (
  SELECT
    scored.profile, scored.part, sql_score, pop_source, is_universal, variant, type,
    ROW_NUMBER() OVER (PARTITION BY scored.profile ORDER BY sql_score DESC, scored.part) AS sql_rank
  FROM scored
  JOIN eligible_parts ON eligible_parts.part = scored.part
  LEFT JOIN excluded ON excluded.profile = scored.profile AND excluded.part = scored.part
  WHERE excluded.part IS NULL
),
-- Once for all parts, once for those that are not universal: what the caps of a list leave, in its order.
halves AS (
  SELECT profile, part, sql_rank, variant, type, FALSE AS is_fitting_half
  FROM ranked
  UNION ALL
  SELECT profile, part, sql_rank, variant, type, TRUE
  FROM ranked
  WHERE NOT is_universal
),
firsts AS (
  SELECT profile, part, sql_rank, type, is_fitting_half
  FROM halves
  WHERE TRUE
  QUALIFY variant IS NULL OR ROW_NUMBER() OVER (PARTITION BY is_fitting_half, profile, variant ORDER BY sql_rank) = 1
),
survivors AS (
  SELECT profile, part, sql_rank, is_fitting_half
  FROM firsts
  WHERE TRUE
  QUALIFY
    type IS NULL
    OR ROW_NUMBER() OVER (PARTITION BY is_fitting_half, profile, type ORDER BY sql_rank) <= CAST(@max_per_part_type AS INT64)
),
needed AS (
  SELECT profile, part
  FROM survivors
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY is_fitting_half, profile ORDER BY sql_rank)
    <= @list_length + IF(is_fitting_half, 0, @slots)
),
kept_parts AS (
  SELECT profile, part
  FROM ranked
  WHERE sql_rank <= @kept
  UNION DISTINCT
  SELECT profile, part
  FROM needed
)
SELECT profile_id, product_id, sql_score, pop_source, sql_rank
FROM kept_parts
JOIN ranked ON ranked.profile = kept_parts.profile AND ranked.part = kept_parts.part
JOIN numbered_profiles ON numbered_profiles.profile = ranked.profile
JOIN eligible_parts ON eligible_parts.part = ranked.part
ORDER BY ranked.profile, sql_rank
