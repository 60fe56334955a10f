-- What the last mail's coverage was; no row where there was none.
SELECT verdicts.figures_json
FROM publications
JOIN verdicts ON verdicts.run_id = publications.run_id AND verdicts.week = publications.week
WHERE gate = 'mail_coverage' AND n_mailed IS NOT NULL AND publications.week <= @week
ORDER BY sequence DESC
LIMIT 1
