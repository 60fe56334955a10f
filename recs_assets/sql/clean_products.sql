WITH
-- Whatever created_at says, what was ordered before the week's end existed before it. A view says less: pages are looked at
-- before their parts are on sale.
sold AS (
  SELECT product_id, MIN(event_ts) AS first_seen_at
  FROM events
  WHERE event_type = 'order' AND event_ts >= @start AND event_ts < @as_of
  GROUP BY product_id
),
-- Whatever is_universal says, what names the vehicles that it fits does not fit them all.
fitted AS (
  SELECT DISTINCT fitment.product_id
  FROM fitment
  JOIN vehicles ON vehicles.vehicle_id = fitment.vehicle_id
),
dated AS (
  SELECT
    products_rows.*,
    IFNULL(is_universal, FALSE) AND fitted.product_id IS NOT NULL AS is_overruled,
    first_seen_at,
    -- The week knows of the part by another row already.
    COUNT(IF(created_at IS NULL OR created_at < @as_of, 1, NULL)) OVER (PARTITION BY products_rows.product_id) > 0 AS is_known,
    MIN(created_at) OVER (PARTITION BY products_rows.product_id) AS earliest
  FROM products_rows
  LEFT JOIN sold ON sold.product_id = products_rows.product_id
  LEFT JOIN fitted ON fitted.product_id = products_rows.product_id
),
with_faults AS (
  SELECT
    *,
    CASE
      WHEN form_fault IS NOT NULL THEN form_fault
      WHEN price IS NULL OR price = 0 THEN 'no price'
      -- Text alone tells a NaN for certain: DuckDB trusts the statistics of Parquet files, which leave NaN out.
      WHEN price_text = 'nan' OR NOT IFNULL(price > 0 AND price < 1e300, FALSE) THEN 'price is not a positive finite number'
      WHEN created_at > @now THEN 'created_at in the future'
      WHEN created_at >= @as_of AND (first_seen_at IS NULL OR is_known OR created_at > earliest) THEN 'outside window'
    END AS row_fault
  FROM dated
),
-- Of the rows without a fault of their own the newest counts; but where one as new or newer has a faulty price or none, the part
-- is withdrawn: it keeps its history, and is not sold. Of several newest ones that counts which lets the part into fewer lists:
-- refurbished, not available, not universal, then the lowest price; then the texts decide.
ranked AS (
  SELECT
    *,
    MAX(IF(
      row_fault IN ('no price', 'price is not a positive finite number') AND created_at < @as_of, created_at, NULL
    )) OVER (PARTITION BY product_id) AS faulty_since,
    COUNT(IF(
      row_fault IN ('no price', 'price is not a positive finite number') AND created_at IS NULL, 1, NULL
    )) OVER (PARTITION BY product_id) AS n_undated_faulty,
    -- A new row for a new price makes no new part of it.
    IF(
      COUNT(IF(row_fault IS NULL AND created_at IS NULL, 1, NULL)) OVER (PARTITION BY product_id) > 0,
      NULL, MIN(IF(row_fault IS NULL, created_at, NULL)) OVER (PARTITION BY product_id)
    ) AS first_created_at,
    RANK() OVER (PARTITION BY product_id, row_fault IS NULL ORDER BY created_at DESC) AS moment_rank,
    ROW_NUMBER() OVER (
      PARTITION BY product_id, row_fault IS NULL
      ORDER BY
        created_at DESC,
        IF(is_refurbished, 0, 1),
        IF(IFNULL(is_available, TRUE), 1, 0),
        IF(is_universal, 1, 0),
        price,
        content_rank
    ) AS age_rank
  FROM with_faults
)
SELECT
  * EXCEPT (
    price_text, form_fault, content_rank, is_known, earliest, row_fault, moment_rank, age_rank, faulty_since, n_undated_faulty
  ),
  CASE
    WHEN row_fault IS NOT NULL THEN row_fault
    WHEN moment_rank > 1 THEN 'older row of the same product_id'
    WHEN age_rank > 1 THEN 'tied row of the same product_id'
  END AS fault,
  IF(
    created_at IS NULL, n_undated_faulty > 0 OR faulty_since IS NOT NULL, IFNULL(faulty_since >= created_at, FALSE)
  ) AS is_withdrawn
FROM ranked
