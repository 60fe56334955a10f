-- Whose turn it is to write.
UPDATE turn
SET taken_by = CAST(@taken_by AS STRING), taken_at = CAST(@taken_at AS TIMESTAMP)
WHERE TRUE
