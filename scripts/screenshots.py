"""Pictures of the pages that `spacy rnn report` and the report logger write, for docs/report.md.

    python scripts/screenshots.py docs/figures report-top=reports/wnut17.html report-phone=reports/wnut17.html

The pages are those of `spacy project run pages`. Needs Chromium, Selenium and Pillow.
"""

import argparse
import base64
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

ARGUMENTS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars"
).split()
NEEDS = "needs chromium and chromedriver: apt-get install chromium chromium-driver"
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


def open_browser(folder: Path) -> Any:
    """Start Chromium with a profile of its own, which tells what it logs and loads.

    folder (Path): Where the profile lies.
    RETURNS (WebDriver): The browser.
    RAISES (FileNotFoundError): If there is no Chromium.
    RAISES (ImportError): If Selenium is not installed.
    """
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if chromium is None or driver is None:
        raise FileNotFoundError(NEEDS)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (*ARGUMENTS, f"--user-data-dir={folder}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


def show(
    browser: Any, path: Path, width: int = 1200, height: int = 1400, theme: str = "light", media: str = ""
) -> None:
    """Open a page as on a screen of some size.

    browser (WebDriver): The browser.
    path (Path): The page.
    width (int): In pixels; below 500 the browser takes it for a phone.
    height (int): In pixels.
    theme (str): What the system prefers, "light" or "dark".
    media (str): "print" to show what would be printed.
    """
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [
        {"name": "prefers-color-scheme", "value": theme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.get(Path(path).resolve().as_uri())


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
