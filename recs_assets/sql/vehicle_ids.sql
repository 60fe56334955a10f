-- Every id of a vehicle, and that of the node that it is joined to; nearly always its own.
SELECT vehicle_id, node_id
FROM classified
WHERE fault IS NULL OR fault = 'another id of the same vehicle'
ORDER BY vehicle_id
