SELECT vehicle_id, year, make, model, engine
FROM classified
WHERE fault IS NULL
ORDER BY vehicle_id
