-- A table that is staged no more, or anew.
DELETE FROM staged_tables
WHERE table_name = @table_name
