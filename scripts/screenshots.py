"""Pictures of the pages that `spacy rnn report` and the report logger write, for docs/report.md.

    python scripts/screenshots.py docs/figures report-top=reports/wnut17.html report-phone=reports/wnut17.html

The pages are those of `spacy project run pages`. Needs Chromium, Selenium and Pillow.
"""

import argparse
import base64
import io
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts.browser import open_browser, show  # noqa: E402

COLORS = 128
"""Colours of a picture; text and charts need no more."""


class View(NamedTuple):
    """A part of a page.

    selector: The element it begins at; empty for the top of the page.
    width: In pixels.
    height: In pixels.
    theme: "light" or "dark".
    """

    selector: str = ""
    width: int = 1100
    height: int = 900
    theme: str = "light"


VIEWS: Dict[str, View] = {
    "report-top": View(height=760),
    "report-labels": View("#labels-0", height=1180),
    "report-confidence": View("#confidence-0", height=720, theme="dark"),
    "report-errors": View("#errors-0-title", height=900),
    "report-phone": View(width=390, height=844),
    "report-training": View(height=1500),
}


def take(browser: Any, page: Path, view: View) -> bytes:
    """RETURNS (bytes): A PNG picture. browser (WebDriver): The browser. page (Path): The page. view (View): What to
    show of it."""
    from PIL import Image

    show(browser, page, view.width, view.height, view.theme)
    top = 0
    if view.selector:
        top = browser.execute_script(
            "return document.querySelector(arguments[0]).getBoundingClientRect().top + scrollY - 16", view.selector
        )
    clip = {"x": 0, "y": top, "width": view.width, "height": view.height, "scale": 1}
    # What sticks to the top of the window would lie on the part that is shown.
    browser.execute_script("document.querySelectorAll('nav').forEach((each) => { each.style.position = 'static'; })")
    taken = browser.execute_cdp_cmd(
        "Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True}
    )
    image = Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB").quantize(COLORS)
    out = io.BytesIO()
    image.save(out, format="png", optimize=True)
    return out.getvalue()


def main(argv: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("pages", nargs="+", help=f"NAME=PAGE; names: {', '.join(VIEWS)}")
    args = parser.parse_args(argv)
    pages = dict(each.split("=", 1) for each in args.pages)
    unknown = [name for name in pages if name not in VIEWS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; allowed: {', '.join(VIEWS)}")
    with tempfile.TemporaryDirectory() as profile:
        browser = open_browser(Path(profile))
        try:
            for name, page in pages.items():
                path = args.folder / f"{name}.png"
                path.write_bytes(take(browser, Path(page), VIEWS[name]))
                print(path)
        finally:
            browser.quit()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
