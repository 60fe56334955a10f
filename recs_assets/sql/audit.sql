-- One row: for each rule of the contract how many breaches a staged table has. A rule whose setting is NULL is off and
-- has none.
WITH
listed AS (
  SELECT
    staged.user_id, staged.week, staged.rank, staged.product_id, final_score, sql_score, gnn_score,
    product_nodes.product_id IS NOT NULL AS is_known,
    price, is_refurbished, part_type, variant_group, image_url,
    IFNULL(is_universal, FALSE) AS is_universal
  FROM staged
  LEFT JOIN product_nodes ON product_nodes.product_id = staged.product_id
),
image_counts AS (
  SELECT COUNT(image_url) AS n_images
  FROM product_nodes
),
garages AS (
  SELECT user_id, vehicle_id
  FROM owns_edges
  WHERE added_at IS NULL OR added_at < @as_of
),
fitting AS (
  SELECT DISTINCT garages.user_id, fits_edges.product_id
  FROM (SELECT DISTINCT user_id, product_id FROM staged) AS pairs
  JOIN garages ON garages.user_id = pairs.user_id
  JOIN fits_edges ON fits_edges.vehicle_id = garages.vehicle_id AND fits_edges.product_id = pairs.product_id
),
bought AS (
  SELECT DISTINCT user_id, interaction_edges.product_id, variant_group
  FROM interaction_edges
  LEFT JOIN product_nodes ON product_nodes.product_id = interaction_edges.product_id
  WHERE
    event_type = 'order'
    AND event_ts >= TIMESTAMP_SUB(@as_of, INTERVAL CAST(@exclude_bought_days AS INT64) DAY)
    AND event_ts < @as_of
),
bought_variants AS (
  SELECT DISTINCT user_id, variant_group
  FROM bought
  WHERE variant_group IS NOT NULL
),
-- Only the numbers of a row and its neighbour's decide about order: the list above it must score at least as much.
ordered AS (
  SELECT
    listed.*,
    fitting.product_id IS NOT NULL AS is_fitting,
    bought.product_id IS NOT NULL AS is_bought,
    bought_variants.user_id IS NOT NULL AS is_variant_bought,
    LAG(listed.final_score) OVER (PARTITION BY listed.user_id ORDER BY listed.rank, listed.product_id) AS score_above,
    LAG(listed.product_id) OVER (PARTITION BY listed.user_id ORDER BY listed.rank, listed.product_id) AS product_above
  FROM listed
  LEFT JOIN fitting ON fitting.user_id = listed.user_id AND fitting.product_id = listed.product_id
  LEFT JOIN bought ON bought.user_id = listed.user_id AND bought.product_id = listed.product_id
  LEFT JOIN bought_variants
    ON bought_variants.user_id = listed.user_id AND bought_variants.variant_group = listed.variant_group
),
row_breaches AS (
  SELECT
    COUNT(IF(week IS DISTINCT FROM @week, 1, NULL)) AS wrong_week,
    COUNT(IF(NOT is_known, 1, NULL)) AS unknown_product,
    COUNT(IF(
      NOT IFNULL(price >= CAST(@min_price AS FLOAT64), CAST(@min_price AS FLOAT64) IS NULL), 1, NULL
    )) AS price_too_low,
    COUNT(IF(CAST(@exclude_refurbished AS BOOL) AND is_refurbished, 1, NULL)) AS refurbished,
    COUNT(IF(part_type IN UNNEST(@excluded_part_types), 1, NULL)) AS excluded_part_type,
    COUNT(IF(
      @require_fitment AND @has_fitment AND NOT is_fitting AND NOT is_universal, 1, NULL
    )) AS neither_fitting_nor_universal,
    COUNT(IF(is_bought, 1, NULL)) AS bought_already,
    COUNT(IF(
      CAST(@exclude_bought_variants AS BOOL) AND is_variant_bought AND NOT is_bought, 1, NULL
    )) AS variant_bought_already,
    COUNT(IF(
      CAST(@https_image AS BOOL) AND n_images > 0 AND NOT IFNULL(STARTS_WITH(image_url, 'https://'), FALSE), 1, NULL
    )) AS image_not_https,
    COUNT(IF(
      NOT IFNULL(ABS(final_score) < 1e300, FALSE)
      OR NOT IFNULL(ABS(sql_score) < 1e300, TRUE)
      OR NOT IFNULL(ABS(gnn_score) < 1e300, TRUE), 1, NULL
    )) AS score_not_finite,
    -- The engines disagree on where NaN stands, so order is judged among finite scores.
    COUNT(IF(ABS(final_score) < 1e300 AND final_score > score_above, 1, NULL)) AS score_not_descending,
    COUNT(IF(
      ABS(final_score) < 1e300 AND final_score = score_above AND product_id < product_above, 1, NULL
    )) AS tie_out_of_order
  FROM ordered
  CROSS JOIN image_counts
),
user_lists AS (
  SELECT
    user_id,
    COUNT(*) AS n_listed,
    COUNT(DISTINCT rank) AS n_ranks,
    COUNT(DISTINCT product_id) AS n_products,
    MIN(rank) AS first_rank,
    MAX(rank) AS last_rank,
    COUNT(IF(NOT is_universal, 1, NULL)) AS n_others,
    COUNT(IF(is_universal AND rank <= @slots, 1, NULL)) AS n_universal_slots
  FROM ordered
  GROUP BY user_id
),
list_breaches AS (
  SELECT
    CAST(IFNULL(SUM(n_listed - n_products), 0) AS INT64) AS duplicate_product,
    CAST(IFNULL(SUM(n_listed - n_ranks), 0) AS INT64) AS duplicate_rank,
    COUNT(IF(first_rank != 1 OR last_rank != n_ranks, 1, NULL)) AS rank_gaps,
    COUNT(IF(n_listed > @list_length, 1, NULL)) AS list_too_long,
    -- More universal parts than allowed are a breach only where others stood ready in the list.
    COUNT(IF(
      @require_fitment AND @has_fitment
      AND n_universal_slots > GREATEST(CAST(@max_universal AS INT64), @slots - n_others), 1, NULL
    )) AS too_many_universal
  FROM user_lists
),
variant_breaches AS (
  SELECT CAST(IFNULL(SUM(n_listed - 1), 0) AS INT64) AS second_of_variant_group
  FROM (
    SELECT user_id, variant_group, COUNT(*) AS n_listed
    FROM listed
    WHERE variant_group IS NOT NULL AND IFNULL(CAST(@one_per_variant_group AS BOOL), FALSE)
    GROUP BY user_id, variant_group
  ) AS user_variants
),
part_type_breaches AS (
  SELECT CAST(IFNULL(SUM(n_listed - CAST(@max_per_part_type AS INT64)), 0) AS INT64) AS over_max_per_part_type
  FROM (
    SELECT user_id, part_type, COUNT(*) AS n_listed
    FROM listed
    WHERE part_type IS NOT NULL
    GROUP BY user_id, part_type
  ) AS user_part_types
  WHERE n_listed > CAST(@max_per_part_type AS INT64)
)
SELECT *
FROM row_breaches
CROSS JOIN list_breaches
CROSS JOIN variant_breaches
CROSS JOIN part_type_breaches
