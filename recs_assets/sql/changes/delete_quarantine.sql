-- What was left out of a source table in a week, before it is noted anew.
DELETE FROM quarantine
WHERE week = @week AND source_table = @source_table
