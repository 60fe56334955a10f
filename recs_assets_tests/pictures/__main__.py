"""Draw the pictures of the README again, beside this module: ``make pictures``, after ``make demo``.

The graph comes from the definitions; the page is that of the newest week in ``RECS_HOME``, as far as a first screen shows it.
"""

from pathlib import Path

from recs_assets import definitions
from recs_assets.asset_files import RELEASE_REPORT
from recs_assets_tests.pictures.graph import svg
from recs_assets_tests.report.test_browser import CHROMIUM, FLAGS

FOLDER = Path(__file__).parent
SCREEN = {"width": 1000, "height": 640}


def draw_graph() -> Path:
    """The graph of assets."""
    graph = definitions.defs.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    edges = {node.key.to_user_string(): {before.to_user_string() for before in node.parent_keys} for node in nodes}
    groups = {node.key.to_user_string(): str(node.group_name) for node in nodes}
    picture = FOLDER / "graph.svg"
    picture.write_text(svg(edges, groups))
    return picture


def draw_page() -> Path:
    """The first screen of the page of the newest week."""
    from playwright.sync_api import sync_playwright

    newest = definitions.target.store().newest("release_report")
    if newest is None:
        raise SystemExit("there is no page yet: make demo")
    picture = FOLDER / "first_screen.png"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        page = browser.new_page(viewport=SCREEN)
        page.goto(newest.path(RELEASE_REPORT).as_uri())
        page.screenshot(path=picture)
        browser.close()
    return picture


if __name__ == "__main__":
    for drawn in (draw_graph(), draw_page()):
        print(f"{drawn} ({drawn.stat().st_size / 1000:.0f} kB)")
