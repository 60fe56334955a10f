-- Lists of profiles with what is said of each part, and what its reason names.
SELECT
  profile_recommendations.rank, profile_recommendations.product_id, part.title, part.part_type, part.price, part.image_url,
  final_score, sql_score, gnn_score, reason_code, reason_text, reason_product_id, history.title AS reason_product_title,
  year, make, model, reason_count
FROM profile_recommendations
JOIN product_nodes AS part ON part.product_id = profile_recommendations.product_id
LEFT JOIN product_nodes AS history ON history.product_id = reason_product_id
LEFT JOIN vehicle_nodes ON vehicle_nodes.vehicle_id = reason_vehicle_id
ORDER BY profile_id, profile_recommendations.rank
