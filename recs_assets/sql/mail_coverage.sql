-- One row: how many mails go to people with a vehicle, and how many of these hold no part that fits it.
SELECT
  COUNT(*) AS n_owners,
  COUNT(IF(
    NOT (
      FALSE
      -- slot begins
      OR IFNULL(recSLOT_type = 'fitment', FALSE)
      -- slot ends
    ), 1, NULL
  )) AS n_without
FROM mail
WHERE v1_year IS NOT NULL OR v1_make IS NOT NULL OR v1_model IS NOT NULL
