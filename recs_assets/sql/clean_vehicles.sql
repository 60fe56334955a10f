WITH
-- A vehicle has no creation time: which of two different rows is kept is arbitrary, but the same each run.
ranked AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY vehicle_id, form_fault IS NULL ORDER BY content_rank) AS choice
  FROM vehicles_rows
)
SELECT
  * EXCEPT (form_fault, content_rank, choice),
  IF(form_fault IS NULL AND choice > 1, 'another row of the same vehicle_id', form_fault) AS fault
FROM ranked
