WITH
-- An event before its creation shows that a part existed before.
known_parts AS (
  SELECT DISTINCT product_id
  FROM interaction_edges
  WHERE event_ts < @as_of
),
-- Numbers instead of ids: one list per profile over hundreds of parts is many rows, and ids are long.
numbered_parts AS (
  SELECT
    product_nodes.product_id, IFNULL(is_universal, FALSE) AS is_universal, variant_group, part_type,
    ROW_NUMBER() OVER (ORDER BY product_nodes.product_id) AS part
  FROM product_nodes
  LEFT JOIN known_parts ON known_parts.product_id = product_nodes.product_id
  WHERE
    ineligible_reason IS NULL
    AND (created_at IS NULL OR created_at < @as_of OR known_parts.product_id IS NOT NULL)
),
-- What the rules of a list cap, by the first part of each variant group and type: NULL where nothing does.
eligible_parts AS (
  SELECT
    product_id, is_universal, variant_group, part,
    IF(IFNULL(CAST(@one_per_variant_group AS BOOL), FALSE) AND variant_group IS NOT NULL,
      MIN(part) OVER (PARTITION BY variant_group), NULL
    ) AS variant,
    IF(CAST(@max_per_part_type AS INT64) IS NOT NULL AND part_type IS NOT NULL,
      MIN(part) OVER (PARTITION BY part_type), NULL
    ) AS type
  FROM numbered_parts
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
    AND (returned_at IS NULL OR returned_at >= @as_of)
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
numbered_vehicles AS (
  SELECT vehicle_id, make, model, ROW_NUMBER() OVER (ORDER BY vehicle_id) AS vehicle
  FROM vehicle_nodes
),
garage_vehicles AS (
  SELECT profile, vehicle, make, model
  FROM profile_vehicles
  JOIN numbered_profiles ON numbered_profiles.profile_id = profile_vehicles.profile_id
  JOIN numbered_vehicles ON numbered_vehicles.vehicle_id = profile_vehicles.vehicle_id
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
    vehicle, eligible_parts.part, variant, type, sql_score,
    ROW_NUMBER() OVER (PARTITION BY vehicle, variant ORDER BY sql_score DESC, eligible_parts.part) AS variant_rank
  FROM fits_edges
  JOIN numbered_vehicles ON numbered_vehicles.vehicle_id = fits_edges.vehicle_id
  JOIN eligible_parts ON eligible_parts.product_id = fits_edges.product_id
  JOIN global_scores ON global_scores.part = eligible_parts.part
  WHERE NOT is_universal AND @require_fitment AND @has_fitment
  UNION ALL
  -- In a store without fitment everybody owns the one vehicle that all parts fit.
  SELECT
    0, part, variant, type, sql_score,
    ROW_NUMBER() OVER (PARTITION BY variant ORDER BY sql_score DESC, part)
  FROM open_parts
  WHERE NOT is_universal
),
ranked_fitting_parts AS (
  SELECT
    *,
    IF(variant IS NULL OR variant_rank = 1,
      ROW_NUMBER() OVER (
        PARTITION BY vehicle, type, variant IS NULL OR variant_rank = 1 ORDER BY sql_score DESC, part
      ), NULL
    ) AS type_rank
  FROM fitting_parts
),
fitting_survivors AS (
  SELECT
    vehicle, sql_score,
    ROW_NUMBER() OVER (PARTITION BY vehicle ORDER BY sql_score DESC, part) AS survivor_rank
  FROM ranked_fitting_parts
  WHERE type_rank IS NOT NULL AND (type IS NULL OR type_rank <= CAST(@max_per_part_type AS INT64))
),
all_orders AS (
  SELECT user_id, product_id, event_ts, returned_at
  FROM interaction_edges
  WHERE event_type = 'order'
  UNION ALL
  SELECT user_id, product_id, event_ts, returned_at
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
    AND (returned_at IS NULL OR returned_at >= @as_of)
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
-- What a threshold below counts on and a list may lack: the excluded parts, and those that score less in their segment.
lost_parts AS (
  SELECT segment_scores.profile, segment_scores.part
  FROM segment_scores
  JOIN global_scores ON global_scores.part = segment_scores.part
  WHERE segment_scores.sql_score < global_scores.sql_score
  UNION DISTINCT
  SELECT profile, part
  FROM excluded
),
lost_counts AS (
  SELECT profile, COUNT(*) AS n_lost
  FROM lost_parts
  GROUP BY profile
),
segment_candidates AS (
  SELECT segment_scores.*
  FROM segment_scores
  JOIN open_parts ON open_parts.part = segment_scores.part
  UNION ALL
  SELECT DISTINCT segment_scores.*
  FROM segment_scores
  JOIN garage_vehicles ON garage_vehicles.profile = segment_scores.profile
  JOIN fitting_parts
    ON fitting_parts.vehicle = garage_vehicles.vehicle AND fitting_parts.part = segment_scores.part
),
-- Those that nothing scored globally comes before, beside the open parts that a threshold counts anyway.
ahead_counts AS (
  SELECT segment_candidates.profile, COUNT(*) AS n_ahead
  FROM segment_candidates
  CROSS JOIN (SELECT MAX(sql_score) AS highest_score FROM global_scores) AS global_range
  LEFT JOIN lost_counts ON lost_counts.profile = segment_candidates.profile
  LEFT JOIN open_parts ON open_parts.part = segment_candidates.part
  WHERE
    segment_candidates.sql_score >= highest_score
    AND (open_parts.part IS NULL OR global_rank > @kept + IFNULL(n_lost, 0))
  GROUP BY segment_candidates.profile
),
garages AS (
  SELECT profile, vehicle FROM garage_vehicles
  UNION ALL
  SELECT profile, 0 FROM numbered_profiles
),
-- Of a garage's vehicles any one may give the fitting parts.
fitting_thresholds AS (
  SELECT garages.profile, MAX(sql_score) AS lowest_score
  FROM garages
  LEFT JOIN lost_counts ON lost_counts.profile = garages.profile
  JOIN fitting_survivors
    ON fitting_survivors.vehicle = garages.vehicle AND survivor_rank = @list_length + IFNULL(n_lost, 0)
  GROUP BY garages.profile
),
-- The best kept ones lie at or above the last of as many first open parts, as many more as are lost and as many fewer as come
-- ahead of all: a segment that raises a part's score moves none of the others up. What the caps leave of the first n parts is
-- never fewer of more parts: so it is with a list's worth of what is left of all, and of what fits. Where there are not so many,
-- types alone say what is left.
thresholds AS (
  SELECT
    numbered_profiles.profile,
    IFNULL(n_lost, 0) AS n_lost,
    IFNULL(open_parts.sql_score, -1) AS lowest_score,
    open_survivors.sql_score AS lowest_left,
    fitting_thresholds.lowest_score AS lowest_fitting
  FROM numbered_profiles
  LEFT JOIN lost_counts ON lost_counts.profile = numbered_profiles.profile
  LEFT JOIN ahead_counts ON ahead_counts.profile = numbered_profiles.profile
  LEFT JOIN open_parts ON open_parts.global_rank = GREATEST(@kept + IFNULL(n_lost, 0) - IFNULL(n_ahead, 0), 1)
  LEFT JOIN open_survivors ON survivor_rank = @list_length + @slots + IFNULL(n_lost, 0)
  LEFT JOIN fitting_thresholds ON fitting_thresholds.profile = numbered_profiles.profile
),
global_candidates AS (
  SELECT DISTINCT garage_vehicles.profile, part, sql_score
  FROM garage_vehicles
  JOIN thresholds ON thresholds.profile = garage_vehicles.profile
  JOIN ranked_fitting_parts ON ranked_fitting_parts.vehicle = garage_vehicles.vehicle
  WHERE
    sql_score >= LEAST(lowest_score, IFNULL(lowest_left, lowest_score), IFNULL(lowest_fitting, lowest_score))
    OR (
      lowest_fitting IS NULL
      AND type_rank <= IF(type IS NULL, @list_length, CAST(@max_per_part_type AS INT64)) + n_lost
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
      AND type_rank <= IF(type IS NULL, @list_length + @slots, CAST(@max_per_part_type AS INT64)) + n_lost
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
candidates AS (
  SELECT scored.profile, scored.part, sql_score, pop_source, is_universal, variant, type
  FROM scored
  JOIN eligible_parts ON eligible_parts.part = scored.part
  LEFT JOIN excluded ON excluded.profile = scored.profile AND excluded.part = scored.part
  WHERE excluded.part IS NULL
),
-- What the caps of a list leave, once of all parts and once of those that are not universal: the first of each variant group,
-- and of these so many of a type. Parts are numbered in the order of their ids: ties go to the smaller id.
of_variants AS (
  SELECT
    *,
    ROW_NUMBER() OVER best_first AS n_of_variant,
    COUNT(IF(is_universal, NULL, part)) OVER (best_first ROWS UNBOUNDED PRECEDING) AS n_fitting_of_variant
  FROM candidates
  WINDOW best_first AS (PARTITION BY profile, variant ORDER BY sql_score DESC, part)
),
firsts AS (
  SELECT
    profile, part, sql_score, pop_source, type,
    variant IS NULL OR n_of_variant = 1 AS is_first,
    NOT is_universal AND (variant IS NULL OR n_fitting_of_variant = 1) AS is_first_fitting
  FROM of_variants
),
of_types AS (
  SELECT
    *,
    COUNT(IF(is_first, part, NULL)) OVER (best_first ROWS UNBOUNDED PRECEDING) AS n_of_type,
    COUNT(IF(is_first_fitting, part, NULL)) OVER (best_first ROWS UNBOUNDED PRECEDING) AS n_fitting_of_type
  FROM firsts
  WINDOW best_first AS (PARTITION BY profile, type ORDER BY sql_score DESC, part)
),
survivors AS (
  SELECT
    profile, part, sql_score, pop_source,
    is_first AND (type IS NULL OR n_of_type <= CAST(@max_per_part_type AS INT64)) AS is_left,
    is_first_fitting AND (type IS NULL OR n_fitting_of_type <= CAST(@max_per_part_type AS INT64)) AS is_left_fitting
  FROM of_types
),
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER best_first AS sql_rank,
    COUNT(IF(is_left, part, NULL)) OVER (best_first ROWS UNBOUNDED PRECEDING) AS n_left,
    COUNT(IF(is_left_fitting, part, NULL)) OVER (best_first ROWS UNBOUNDED PRECEDING) AS n_left_fitting
  FROM survivors
  WINDOW best_first AS (PARTITION BY profile ORDER BY sql_score DESC, part)
)
SELECT profile_id, product_id, sql_score, pop_source
FROM ranked
JOIN numbered_profiles ON numbered_profiles.profile = ranked.profile
JOIN eligible_parts ON eligible_parts.part = ranked.part
WHERE
  sql_rank <= @kept
  OR (is_left AND n_left <= @list_length + @slots)
  OR (is_left_fitting AND n_left_fitting <= @list_length)
ORDER BY ranked.profile, sql_score DESC, ranked.part
