-- One row: how many parts the source flags as universal, and how many of them name the vehicles that they fit.
SELECT COUNT(IF(is_universal, 1, NULL)) AS n_universal, COUNT(IF(is_overruled, 1, NULL)) AS n_overruled
FROM classified
WHERE fault IS NULL
