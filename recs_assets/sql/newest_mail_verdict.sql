-- What the mail was last said to show: one row, or none.
SELECT gate, decision, reason, figures_json
FROM verdicts
WHERE gate IN ('gate_2', 'no_harm')
QUALIFY ROW_NUMBER() OVER (ORDER BY judged_at DESC, gate) = 1
