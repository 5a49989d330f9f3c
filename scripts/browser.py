"""Headless Chromium, for pictures of pages and for the tests of pages."""

import shutil
from pathlib import Path
from typing import Any

ARGUMENTS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars"
).split()
NEEDS = "needs chromium and chromedriver: apt-get install chromium chromium-driver"


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
