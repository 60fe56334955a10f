"""Make the home of the present layout that the tests keep."""

import tempfile
from pathlib import Path

from recs_assets import home_layout
from recs_assets_tests.kept_homes import shop

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        shop.make(Path(folder), shop.kept(home_layout.LAYOUT))
