"""What somebody else reads in a place: its tables and its jobs, by a client of their own."""

from typing import Any

from google.cloud import bigquery

from recs_assets.resources.bigquery.client import Places


def query(places: Places, text: str) -> list[tuple[Any, ...]]:
    """The rows of a query whose tables are those of our own dataset."""
    config = bigquery.QueryJobConfig(default_dataset=places.tables)
    return [tuple(row) for row in places.client.query(text, job_config=config).result(timeout=30)]


def served(places: Places) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The long and the wide table as a reader finds them."""
    return (
        query(places, "SELECT user_id, rank, product_id, final_score FROM recommendations ORDER BY user_id, rank"),
        query(places, "SELECT email_lower, rec_part_1 FROM final_vehicle_recommendations ORDER BY email_lower"),
    )
