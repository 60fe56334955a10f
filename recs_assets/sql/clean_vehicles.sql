WITH
-- A vehicle has no creation time: of two different rows of one id that counts which has the later year, then the later make,
-- model and engine by the alphabet, and rather one than none.
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY vehicle_id, form_fault IS NULL ORDER BY content_rank) AS choice,
    NULLIF(REGEXP_REPLACE(LOWER(make), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', ''), '') AS make_name,
    NULLIF(REGEXP_REPLACE(LOWER(model), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', ''), '') AS model_name,
    NULLIF(REGEXP_REPLACE(LOWER(engine), '^[\\p{Z}\\p{Cc}\\p{Cf}]+|[\\p{Z}\\p{Cc}\\p{Cf}]+$', ''), '') AS engine_name
  FROM vehicles_rows
),
-- One vehicle under several ids is one, or garages may hold one of them and fitment name the other. Its id is the smallest.
joined AS (
  SELECT
    *,
    IF(
      year IS NULL OR make_name IS NULL OR model_name IS NULL, vehicle_id,
      MIN(vehicle_id) OVER (PARTITION BY form_fault IS NULL AND choice = 1, year, make_name, model_name, engine_name)
    ) AS node_id
  FROM ranked
)
SELECT
  * EXCEPT (form_fault, content_rank, choice, make_name, model_name, engine_name),
  CASE
    WHEN form_fault IS NOT NULL THEN form_fault
    WHEN choice > 1 THEN 'tied row of the same vehicle_id'
    WHEN vehicle_id != node_id THEN 'another id of the same vehicle'
  END AS fault
FROM joined
