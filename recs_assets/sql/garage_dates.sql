-- One row: how many vehicles stand in garages, and how many stood there at an earlier moment already.
SELECT COUNT(*) AS n_garages, COUNT(IF(owned_since IS NULL OR owned_since < @moment, 1, NULL)) AS n_known
FROM classified
WHERE fault IS NULL
