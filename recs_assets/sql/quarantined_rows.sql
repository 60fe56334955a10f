SELECT @week AS week, @source_table AS source_table, fault AS reason, row_key, row_json
FROM classified
WHERE
  fault IS NOT NULL
  AND fault NOT IN ('exact duplicate', 'repeated event_id', 'repeated user_id and vehicle_id', 'outside window')
ORDER BY reason, row_key, row_json
