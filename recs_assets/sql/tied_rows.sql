-- One row: how many rows a source table has, and how many of them a rule alone told from another one of their key and moment.
SELECT COUNT(*) AS n_rows, COUNT(IF(STARTS_WITH(fault, 'tied row'), 1, NULL)) AS n_tied
FROM classified
