"""Make the README's pictures from the demo's data: run `make demo SERVE=0` first, then `make screenshots`."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from models.database import Database
from models.queries import impact
from models.records import LinkState
from models.values.ids import Prefix, public_id
from models.values.verdicts import Word
from service.commands.processes import HOST, api_command, free_port

ROOT = Path(__file__).resolve().parent.parent
DATABASE = f"sqlite:///{ROOT / 'demo' / 'ebb.db'}"
IMAGES = ROOT / "docs" / "images"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def main() -> None:
    """Serve the demo's database and photograph the overview and the clearest release."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None or not (ROOT / "demo" / "ebb.db").exists():
        sys.exit("This needs Chromium, and the data of `make demo SERVE=0`.")
    port = free_port()
    environment = {**os.environ, "EBB_DATABASE_URL": DATABASE}
    api = subprocess.Popen(api_command(port), env=environment)
    try:
        wait_for(f"http://{HOST}:{port}/healthz")
        command = [sys.executable, "-m", "service", "sign-in", "--port", str(port)]
        link = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
            photograph(browser, f"http://{HOST}:{port}", link.strip())
            browser.close()
    finally:
        api.terminate()
        api.wait(10)


def photograph(browser: Browser, address: str, link: str) -> None:
    """Take the pictures at twice the resolution."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=2)
    page.goto(link)
    IMAGES.mkdir(exist_ok=True)
    for name, path in {"overview": "/", "release": f"/releases/{clearest_release()}"}.items():
        page.goto(address + path, wait_until="networkidle")
        time.sleep(1.0)  # the chart is drawn after the page has loaded
        page.screenshot(path=IMAGES / f"{name}.png")


def clearest_release() -> str:
    """Return the release whose confirmed `fell` has the narrowest interval."""
    database = Database(DATABASE)
    with database.read(workspace=1) as session:
        found = impact.latest_verdicts(session, workspace=1)
    fell = [each for each in found if each.word is Word.FELL and each.link_state is LinkState.CONFIRMED]
    chosen = min(fell, key=lambda each: (each.high or 1.0) - (each.low or 0.0))
    return public_id(Prefix.RELEASE, chosen.release_id)


def wait_for(address: str) -> None:
    """Wait until the address answers."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    sys.exit(f"{address} does not answer")


if __name__ == "__main__":
    main()
