-- A version's mail becomes the served one, for those who may be mailed now. By name: the served table's columns may stand in any
-- order, as they do after a slot was added.
INSERT INTO final_vehicle_recommendations (
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
)
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
