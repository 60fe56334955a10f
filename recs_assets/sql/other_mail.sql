-- The staged table of the last mail but for one: a row, or none.
SELECT wide_table, week
FROM publications
WHERE wide_table IS NOT NULL AND wide_table != @table_name
QUALIFY ROW_NUMBER() OVER (ORDER BY sequence DESC) = 1
