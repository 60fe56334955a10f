SELECT week, publication_id, n_users
FROM publications
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY week ORDER BY sequence DESC) = 1
ORDER BY week
