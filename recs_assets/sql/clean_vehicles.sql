WITH
copies AS (
  SELECT
    vehicle_id, year, make, model, engine,
    ROW_NUMBER() OVER (PARTITION BY vehicle_id, year, make, model, engine ORDER BY vehicle_id) AS copy_number
  FROM vehicles
),
judged AS (
  SELECT
    *,
    CASE
      WHEN copy_number > 1 THEN 'exact duplicate'
      WHEN IFNULL(REPLACE(vehicle_id, ' ', ''), '') = '' THEN 'empty vehicle_id'
      WHEN REGEXP_CONTAINS(vehicle_id, '[\\x00]') THEN 'NUL character in vehicle_id'
    END AS row_fault
  FROM copies
),
-- A vehicle has no creation time: which of two different rows is kept is arbitrary, but the same each run.
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY vehicle_id, row_fault IS NULL ORDER BY year DESC, make DESC, model DESC, engine DESC
    ) AS choice
  FROM judged
),
faults AS (
  SELECT *, IF(row_fault IS NULL AND choice > 1, 'another row of the same vehicle_id', row_fault) AS fault
  FROM ranked
)
SELECT
  vehicle_id, year, make, model, engine, fault, vehicle_id AS row_key,
  IF(fault IS NULL OR fault = 'exact duplicate', NULL, TO_JSON_STRING(STRUCT(
    vehicle_id AS vehicle_id, year AS year, make AS make, model AS model, engine AS engine
  ))) AS row_json
FROM faults
