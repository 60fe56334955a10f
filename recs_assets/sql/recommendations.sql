SELECT
  user_profiles.user_id,
  @week AS week,
  CAST(profile_recommendations.rank AS INT64) AS rank,
  profile_recommendations.product_id,
  CAST(profile_recommendations.final_score AS FLOAT64) AS final_score,
  CAST(profile_recommendations.sql_score AS FLOAT64) AS sql_score,
  CAST(profile_recommendations.gnn_score AS FLOAT64) AS gnn_score,
  user_profiles.stratum AS segment,
  arms.arm,
  profile_recommendations.source,
  profile_recommendations.reason_code,
  profile_recommendations.reason_text,
  IF(profile_recommendations.source = 'blend', CAST(@model_week AS DATE), NULL) AS model_week,
  @run_id AS run_id,
  @scored_at AS scored_at
FROM user_profiles
JOIN arms ON arms.user_id = user_profiles.user_id
JOIN profile_recommendations
  ON profile_recommendations.profile_id = user_profiles.profile_id AND profile_recommendations.arm = arms.arm
