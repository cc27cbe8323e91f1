"""A headless Chromium, driven by selenium, that keeps account of what a page
asks for and complains of."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common import utils
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

WAIT_S = 10
LAPTOP = (1280, 800)


class Driver(Service):
    """chromedriver, found also where nothing says what localhost is: a
    minimal Debian has no /etc/hosts."""

    @property
    def service_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_connectable(self) -> bool:
        return utils.is_connectable(self.port, "127.0.0.1")


class Chrome:
    """One browser for all tests; folder is for what it writes.

    Use open() to begin; it undoes what an earlier test has set.
    """

    def __init__(self, folder: Path):
        options = webdriver.ChromeOptions()
        options.binary_location = _program("chromium")
        options.ignore_local_proxy_environment_variables()
        for word in ("--headless=new", "--disable-gpu", "--no-first-run",
                     "--disable-background-networking", "--disable-sync",
                     "--disable-component-update", "--disable-extensions",
                     "--disable-dev-shm-usage", "--force-color-profile=srgb",
                     "--remote-debugging-pipe",
                     f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(word)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs",
                               {"browser": "ALL", "performance": "ALL"})
        # What the browser writes beside its profile goes there too.
        environment = {**os.environ, "TMPDIR": str(folder),
                       "HOME": str(folder)}
        self.driver = webdriver.Chrome(options=options, service=Driver(
            _program("chromedriver"), env=environment))
        self.cdp("Page.enable")

    def quit(self) -> None:
        self.driver.quit()

    def cdp(self, name: str, **words: Any) -> Any:
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, words)

    # ---- the page ----

    def open(self, path: Path, *, size: tuple[int, int] = LAPTOP,
             scheme: str = "light", media: str = "", script: bool = True,
             fragment: str = "") -> None:
        """Load a file as a window of this inner size (pixels) would."""
        self.resize(*size)
        self.media(scheme, media)
        self.cdp("Emulation.setScriptExecutionDisabled", value=not script)
        self.driver.get("about:blank")
        self.requests(), self.complaints()
        self.driver.get(path.as_uri() + fragment)

    def resize(self, width: int, height: int) -> None:
        self.cdp("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=False)

    def media(self, scheme: str = "light", media: str = "") -> None:
        """The colour scheme that the user prefers; media may be 'print'."""
        self.cdp("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    def run(self, code: str, *values: Any) -> Any:
        """What a function with this body returns in the page, which may have
        scripts switched off."""
        given = ", ".join(json.dumps(value) for value in values)
        answer = self.cdp(
            "Runtime.evaluate", returnByValue=True, awaitPromise=True,
            expression=f"(function () {{ {code} }})({given})")
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def shown(self, selector: str) -> bool:
        """Is there such an element, and visible?  A closed <details> hides
        what is in it, which selenium does not know."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].some("
            "e => e.checkVisibility({visibilityProperty: true}))", selector)

    def unfold(self) -> None:
        """Open all <details>."""
        self.run("document.querySelectorAll('details').forEach("
                 "one => one.open = true)")

    def until(self, code: str, *values: Any) -> Any:
        """Wait for a function with this body to return something true."""
        return WebDriverWait(self.driver, WAIT_S, 0.02).until(
            lambda _: self.run(code, *values), code)

    def keys(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        chain = ActionChains(self.driver, duration=0)
        for key in keys:
            chain.send_keys(key)
        chain.perform()

    def hover(self, element: WebElement) -> None:
        ActionChains(self.driver, duration=0).move_to_element(
            element).perform()

    # ---- what the page did ----

    def complaints(self) -> list[str]:
        """What the console got since it was last asked."""
        return [f"{entry['level']}: {entry['message']}"
                for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """What was asked for since this was last called."""
        events = [json.loads(entry["message"])["message"]
                  for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"
                and event["params"]["request"]["url"] != "about:blank"]


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing; install it (make setup TESTS=1)"
    return found
