-- One row: how many rows a version's mail has, how many the served one has, and how many only one of two has: the served mail,
-- and what of the version's goes to those who may be mailed now.
WITH
addressed AS (
  SELECT
    email_lower, v1_year, v1_make, v1_model,
    -- slot begins
    rec_part_SLOT, recSLOT_price, recSLOT_score, recSLOT_image, recSLOT_type, recSLOT_pop_source,
    -- slot ends
    generated_at, pipeline_version
    -- slot begins
    , recSLOT_reason  -- added reason
    , recSLOT_title  -- added title
    , recSLOT_link  -- added link
    -- slot ends
    , user_id  -- added user_id
  FROM mail
  WHERE email_lower IN (SELECT email_lower FROM addressees)
),
served AS (
  SELECT
    email_lower, v1_year, v1_make, v1_model,
    -- slot begins
    rec_part_SLOT, recSLOT_price, recSLOT_score, recSLOT_image, recSLOT_type, recSLOT_pop_source,
    -- slot ends
    generated_at, pipeline_version
    -- slot begins
    , recSLOT_reason  -- added reason
    , recSLOT_title  -- added title
    , recSLOT_link  -- added link
    -- slot ends
    , user_id  -- added user_id
  FROM final_vehicle_recommendations
),
missing AS (
  SELECT * FROM addressed
  EXCEPT DISTINCT
  SELECT * FROM served
),
added AS (
  SELECT * FROM served
  EXCEPT DISTINCT
  SELECT * FROM addressed
)
SELECT
  (SELECT COUNT(*) FROM mail) AS n_staged,
  (SELECT COUNT(*) FROM served) AS n_mailed,
  (SELECT COUNT(*) FROM missing) + (SELECT COUNT(*) FROM added) + ABS(
    (SELECT COUNT(*) FROM addressed) - (SELECT COUNT(*) FROM served)
  ) AS n_other
