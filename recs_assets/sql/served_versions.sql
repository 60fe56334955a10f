-- The version of each week that is served, as it was published first: the newest row of the ledger may be a rollback to it.
WITH
newest AS (
  SELECT week, version_after
  FROM publications
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY week ORDER BY sequence DESC) = 1
)
SELECT
  newest.week, publications.publication_id, publications.run_id, publications.model_week, publications.model_version,
  publications.long_table, publications.wide_table, publications.published_at
FROM newest
JOIN publications ON publications.publication_id = newest.version_after
ORDER BY newest.week
