"""Parts, their variants and what they fit."""

from recs_assets.demo.part_types import COMMODITY_TYPES, PROJECTS, SERVICE_TYPES
from recs_assets.settings_file import load
from recs_assets_tests.demo.reading import Source


def test_what_is_not_worth_recommending_is_what_the_settings_exclude() -> None:
    excluded = set(load().rules.excluded_part_types or ())
    assert set(COMMODITY_TYPES) | set(SERVICE_TYPES) <= excluded
    assert not excluded & {name for _, types in PROJECTS for name in types}


def test_each_rule_has_parts_that_break_it(small: Source) -> None:
    products = small.products
    images = products.image_url.fillna("")
    shares = {
        "cheap": (products.price < 50).mean(),
        "refurbished": products.is_refurbished.mean(),
        "no image": (images == "").mean(),
        "http image": images.str.startswith("http://").mean(),
        "commodity": products.part_type.isin(COMMODITY_TYPES).mean(),
        "service": products.part_type.isin(SERVICE_TYPES).mean(),
    }
    assert {name for name, share in shares.items() if share < 0.002} == set()
    assert 0.6 < len(small.eligible) / len(products) < 0.8


def test_variants_are_the_same_part_in_another_finish(small: Source) -> None:
    groups = small.products.dropna(subset="variant_group").groupby("variant_group")
    assert groups.size().between(2, 4).all()
    assert len(groups) > 100
    assert (groups[["part_type", "brand", "price", "is_universal"]].nunique() == 1).all(axis=None)
    assert (groups.title.nunique() == groups.size()).all()


def test_variants_fit_the_same_vehicles(small: Source) -> None:
    fits = small.fitment.groupby("product_id").vehicle_id.agg(frozenset)
    groups = small.products.dropna(subset="variant_group").set_index("product_id").variant_group
    assert fits.to_frame().join(groups, how="inner").groupby("variant_group").vehicle_id.nunique().eq(1).all()


def test_every_vehicle_has_parts_and_universal_parts_fit_none(small: Source) -> None:
    eligible = small.fitment[small.fitment.product_id.isin(small.eligible.product_id)]
    per_vehicle = eligible.groupby("vehicle_id").size()
    assert len(per_vehicle) == 300
    assert 55 < per_vehicle.median() < 120
    assert per_vehicle.min() > 20
    assert 200 < small.eligible.is_universal.sum() < 300
    assert not small.fitment.product_id.isin(small.products[small.products.is_universal].product_id).any()


def test_a_part_fits_neighbouring_years_of_a_make_or_platform(small: Source) -> None:
    rows = small.fitment[~small.fitment.product_id.isin(["HOLLEY-0-80508S", "MSD-8529"])].merge(small.vehicles)
    spans = rows.groupby("product_id").year.agg(lambda year: year.max() - year.min())
    assert spans.median() <= 12
    assert rows.groupby("product_id").model.nunique().gt(1).mean() > 0.5


def test_new_parts_appear_while_the_world_runs_and_are_not_seen_before(small: Source) -> None:
    first = small.events.groupby("product_id").event_ts.min()
    created = small.products.set_index("product_id").created_at.reindex(first.index)
    assert (first >= created).all()
    assert (created > small.events.event_ts.min().floor("D")).mean() > 0.08
