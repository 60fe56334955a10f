WITH
faulty_rows AS (
  SELECT
    fault,
    IFNULL(row_key, '(empty)') AS row_key,
    ROW_NUMBER() OVER (PARTITION BY fault ORDER BY row_key) AS sample_number
  FROM classified
  WHERE fault IS NOT NULL
)
SELECT
  fault,
  COUNT(*) AS n_rows,
  MAX(IF(sample_number = 1, row_key, NULL)) AS sample_1,
  MAX(IF(sample_number = 2, row_key, NULL)) AS sample_2,
  MAX(IF(sample_number = 3, row_key, NULL)) AS sample_3
FROM faulty_rows
GROUP BY fault
ORDER BY n_rows DESC, fault
