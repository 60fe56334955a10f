SELECT recommendations.rank, recommendations.product_id, title, price, final_score, reason_text
FROM recommendations
JOIN product_nodes ON product_nodes.product_id = recommendations.product_id
WHERE recommendations.week = @week AND recommendations.user_id = @user_id AND recommendations.rank <= @length
ORDER BY recommendations.rank
