"""The page in a real browser: what a person does there, and what stands there then."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from debian import installed
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.serving import make_server

WAIT_SECONDS = 30
PHONE, DESKTOP = (375, 720), (1100, 900)
_SILENT_MACHINE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of an application that runs in a thread."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


class Page:
    """A browser at the page."""

    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = installed("chromium", "chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *_SILENT_MACHINE):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service(installed("chromedriver", "chromium-driver")))
        self.run, self.run_async = self.driver.execute_script, self.driver.execute_async_script

    def open(self, address: str, first: str = "record", size: tuple[int, int] = DESKTOP) -> None:
        """Load the page, and wait for the form of the record or of the key."""
        self.look(size)
        self.driver.get(address)
        self.until(lambda: self.at(first).is_displayed())

    def look(self, size: tuple[int, int], dark: bool = False) -> None:
        """Take a size and a colour scheme."""
        mobile = size == PHONE
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": mobile})
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def at(self, name: str) -> Any:
        return self.driver.find_element(By.ID, name)

    def find(self, selector: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def inputs(self, field: str) -> list[Any]:
        """Where a person types or chooses, of one field."""
        return self.find(f"[data-field={field}] .body :is(textarea, select, input:not(.load input, [capture]))")

    def fill(self, **fields: Any) -> None:
        """Type a text, several ones, or choose a file (a `Path`)."""
        for field, value in fields.items():
            values = value if isinstance(value, list) else [value]
            for place, text in zip(self.inputs(field), values, strict=True):
                if not isinstance(text, Path) and place.tag_name != "select":
                    place.clear()
                place.send_keys(str(text))

    def ask(self) -> str:
        """Press the button, and wait for what is said then."""
        self.run("for (const id of ['status', 'problem']) document.getElementById(id).textContent = ''")
        self.at("send").click()
        said = lambda: self.at("status").text.replace("Asking…", "") or self.at("problem").text  # noqa: E731
        return self.until(said)

    def until(self, condition: Any) -> Any:
        """Wait for something that is true, and return it."""
        try:
            return WebDriverWait(self.driver, WAIT_SECONDS, poll_frequency=0.05).until(lambda _: condition())
        except Exception as error:
            text = self.driver.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"The page says {text}\n{self.driver.get_log('browser')}") from error

    def shown(self) -> dict[str, Any]:
        """What the answer holds by task: probabilities by label, or a value."""
        found: dict[str, Any] = {}
        for section in self.find("#tasks > section"):
            for more in section.find_elements(By.CSS_SELECTOR, "[aria-expanded=false]"):
                more.click()
            lines = section.find_elements(By.CSS_SELECTOR, "ol > li")
            values = [float(data.get_attribute("value")) for data in section.find_elements(By.CSS_SELECTOR, "ol data")]
            labels = [line.find_element(By.CSS_SELECTOR, ".label").text for line in lines]
            value = section.find_elements(By.CSS_SELECTOR, ".value data")
            number = float(value[0].get_attribute("value")) if value else None
            found[section.get_attribute("data-task")] = dict(zip(labels, values, strict=True)) if labels else number
        return found

    def wrong(self, field: str) -> str:
        return self.at(f"field-{field}-wrong").text

    def command(self) -> str:
        return self.at("command").get_attribute("textContent")

    def violations(self, axe: str) -> str:
        """What axe-core objects to, as text; empty if nothing."""
        self.run(axe)
        found = self.run_async(
            "axe.run().then(({violations}) => arguments[0](violations.map(({id, nodes}) => "
            "[id, ...nodes.map((node) => node.html + node.failureSummary)])))"
        )
        return json.dumps(found, indent=1) if found else ""
