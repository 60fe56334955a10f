WITH
-- A float is no key to group by in BigQuery; as text NaN equals NaN, on both engines. And text alone tells a NaN for certain:
-- DuckDB trusts the statistics of Parquet files, which leave NaN out.
texts AS (
  SELECT *, REGEXP_REPLACE(LOWER(CAST(price AS STRING)), '[.]0$', '') AS price_text
  FROM products
),
copies AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY
        product_id, part_type, price_text, brand, title, image_url, variant_group, is_refurbished, is_universal, created_at
      ORDER BY product_id
    ) AS copy_number
  FROM texts
),
judged AS (
  SELECT
    *,
    CASE
      WHEN copy_number > 1 THEN 'exact duplicate'
      WHEN IFNULL(REPLACE(product_id, ' ', ''), '') = '' THEN 'empty product_id'
      WHEN REGEXP_CONTAINS(product_id, '[\\x00]') THEN 'NUL character in product_id'
      WHEN price_text = 'nan' OR NOT IFNULL(price > 0 AND price < 1e300, FALSE) THEN 'price is not a positive finite number'
      WHEN created_at > @now THEN 'created_at in the future'
      WHEN created_at >= @as_of THEN 'outside window'
    END AS row_fault
  FROM copies
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
      PARTITION BY product_id, row_fault IS NULL
      ORDER BY
        created_at DESC, price DESC, part_type DESC, brand DESC, title DESC, image_url DESC, variant_group DESC,
        is_refurbished DESC, is_universal DESC
    ) AS age_rank
  FROM judged
),
faults AS (
  SELECT
    *,
    IF(row_fault IS NULL AND age_rank > 1, 'older row of the same product_id', row_fault) AS fault,
    faulty_since IS NOT NULL AND IFNULL(faulty_since > created_at, TRUE) AS is_withdrawn
  FROM ranked
)
SELECT
  product_id, part_type, price, brand, title, image_url, variant_group, is_refurbished, is_universal, created_at,
  first_created_at, is_withdrawn, fault, product_id AS row_key,
  IF(fault IS NULL OR fault IN ('exact duplicate', 'outside window'), NULL, TO_JSON_STRING(STRUCT(
    product_id AS product_id,
    part_type AS part_type,
    price_text AS price,
    brand AS brand,
    title AS title,
    image_url AS image_url,
    variant_group AS variant_group,
    is_refurbished AS is_refurbished,
    is_universal AS is_universal,
    FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%S', created_at) AS created_at
  ))) AS row_json
FROM faults
