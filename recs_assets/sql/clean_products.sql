WITH
-- Whatever created_at says, what was ordered before the week's end existed before it. A view says less: pages are looked at
-- before their parts are on sale.
sold AS (
  SELECT product_id, MIN(event_ts) AS first_seen_at
  FROM events
  WHERE event_type = 'order' AND event_ts >= @start AND event_ts < @as_of
  GROUP BY product_id
),
dated AS (
  SELECT
    products_rows.*,
    first_seen_at,
    -- The week knows of the part by another row already.
    COUNT(IF(created_at IS NULL OR created_at < @as_of, 1, NULL)) OVER (PARTITION BY products_rows.product_id) > 0 AS is_known,
    MIN(created_at) OVER (PARTITION BY products_rows.product_id) AS earliest
  FROM products_rows
  LEFT JOIN sold ON sold.product_id = products_rows.product_id
),
judged AS (
  SELECT
    *,
    CASE
      WHEN form_fault IS NOT NULL THEN form_fault
      -- Text alone tells a NaN for certain: DuckDB trusts the statistics of Parquet files, which leave NaN out.
      WHEN price_text = 'nan' OR NOT IFNULL(price > 0 AND price < 1e300, FALSE) THEN 'price is not a positive finite number'
      WHEN created_at > @now THEN 'created_at in the future'
      WHEN created_at >= @as_of AND (first_seen_at IS NULL OR is_known OR created_at > earliest) THEN 'outside window'
    END AS row_fault
  FROM dated
),
-- Of the rows without a fault of their own the newest counts; but where a newer one has a fault, the part is withdrawn: it
-- keeps its history, and is not sold.
ranked AS (
  SELECT
    *,
    MAX(IF(
      row_fault = 'price is not a positive finite number' AND created_at < @as_of, created_at, NULL
    )) OVER (PARTITION BY product_id) AS faulty_since,
    -- A new row for a new price makes no new part of it.
    IF(
      COUNT(IF(row_fault IS NULL AND created_at IS NULL, 1, NULL)) OVER (PARTITION BY product_id) > 0,
      NULL, MIN(IF(row_fault IS NULL, created_at, NULL)) OVER (PARTITION BY product_id)
    ) AS first_created_at,
    ROW_NUMBER() OVER (
      PARTITION BY product_id, row_fault IS NULL ORDER BY created_at DESC, price DESC, content_rank
    ) AS age_rank
  FROM judged
)
SELECT
  * EXCEPT (price_text, form_fault, content_rank, is_known, earliest, row_fault, age_rank, faulty_since),
  IF(row_fault IS NULL AND age_rank > 1, 'older row of the same product_id', row_fault) AS fault,
  faulty_since IS NOT NULL AND IFNULL(faulty_since > created_at, TRUE) AS is_withdrawn
FROM ranked
