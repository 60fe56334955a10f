WITH
judged AS (
  SELECT
    *,
    CASE
      WHEN form_fault IS NOT NULL THEN form_fault
      -- Text alone tells a NaN for certain: DuckDB trusts the statistics of Parquet files, which leave NaN out.
      WHEN price_text = 'nan' OR NOT IFNULL(price > 0 AND price < 1e300, FALSE) THEN 'price is not a positive finite number'
      WHEN created_at > @now THEN 'created_at in the future'
      WHEN created_at >= @as_of THEN 'outside window'
    END AS row_fault
  FROM products_rows
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
  * EXCEPT (price_text, form_fault, content_rank, row_fault, age_rank, faulty_since),
  IF(row_fault IS NULL AND age_rank > 1, 'older row of the same product_id', row_fault) AS fault,
  faulty_since IS NOT NULL AND IFNULL(faulty_since > created_at, TRUE) AS is_withdrawn
FROM ranked
