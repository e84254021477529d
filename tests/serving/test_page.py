"""The page of a real model in a real browser: its numbers, its words, its looks, and what it lets nobody do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from debian import installed
from page_browser import DESKTOP, PHONE, Page, serving
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from serving_values import b64

import multimodal_keras as mk
from multimodal_keras.serving.access import new_key

FILES = Path(mk.__file__).parent / "serving" / "page"
TITLE = '黑猫 -- it\'s @a "red" <b>cat</b> $HOME'
# One process starts the browser.


@pytest.fixture(scope="module")
def address(app: Any) -> Any:
    with serving(app) as found:
        yield found


@pytest.fixture(scope="module")
def drawing(clipart: mk.data.Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real one, whose name has all that a shell and curl could take for their own."""
    path = tmp_path_factory.mktemp("drawings") / 'it\'s; a "red", $cat.png'
    return Path(shutil.copyfile(clipart.folder / next(iter(clipart))["image"], path))


def test_the_contract_is_told(client: Any, saved: Any) -> None:
    answer = client.get("/contract").get_json()
    assert answer == {"model": "drawings", "version": "3", "models": ["drawings"], "contract": saved.contract}
    assert client.get("/contract/drawings").get_json() == answer
    assert client.get("/contract/other").status_code == 404


def test_the_page_runs_nothing_but_its_own_files(client: Any) -> None:
    response = client.get("/")
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[kind] for kind in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert not re.search(r"<script>|<style|style=|\son\w+=", response.get_data(as_text=True))
    for file in FILES.iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"https?://|\beval\b|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), file


def test_files_are_kept_until_they_change(client: Any) -> None:
    named = re.findall(r'(?:src|href)="(page/[^"]+)"', client.get("/").get_data(as_text=True))
    scripts = [f"page/{file.name}" for file in FILES.glob("*.js")]
    assert set(named) <= {*scripts, "page/style.css"}
    for path in ("", "page/style.css", *scripts):
        response = client.get(f"/{path}")
        assert response.status_code == 200
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        again = client.get(f"/{path}", headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.get_data()) == (304, b"")
    for path in ("/page/", "/page/no.js", "/page/../app.py", "/page/..%2Fapp.py", "/page/%2Fetc%2Fpasswd"):
        assert client.get(path).status_code == 404


def test_the_page_is_open_and_the_model_is_not(exported: Path, tmp_path: Path, browser: Page) -> None:
    key = new_key("ann", tmp_path / "keys.txt")
    app = mk.serving.create_app(exported / "model.tflite", api_keys=tmp_path / "keys.txt")
    client = app.test_client()
    assert client.get("/").status_code == client.get("/page/page.js").status_code == 200
    assert client.get("/contract").status_code == 401
    with serving(app) as address:
        browser.open(address, "access")
        browser.at("key").send_keys("guessed\n")
        browser.until(lambda: "not known" in browser.at("key-wrong").text)
        browser.at("key").send_keys(key + "\n")
        browser.until(lambda: browser.at("record").is_displayed())
        assert browser.run("return [localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
        browser.fill(image=next(iter(FILES.parents[1].glob("data/clipart/images/*/*.png"))))
        assert browser.ask().startswith("Answered in")
        assert "$API_KEY" in browser.command()
        assert key not in browser.run("return document.documentElement.outerHTML")


@pytest.fixture
def page(browser: Page, address: str) -> Page:
    browser.open(address)
    return browser


def test_the_page_shows_what_the_model_answers(page: Page, client: Any, drawing: Path) -> None:
    page.fill(title=TITLE, image=drawing)
    said = page.ask()
    wanted = client.post("/predict", json={"title": TITLE, "image": b64(drawing.read_bytes())}).get_json()["answers"][0]
    assert re.match(r"Answered in \d+ ms\. colourful: ", said)
    assert wanted["subject"]["label"] in said
    found = page.shown()
    assert found["subject"] == pytest.approx(wanted["subject"]["probabilities"], abs=1e-6)
    assert list(found["subject"].values()) == sorted(found["subject"].values(), reverse=True)
    assert found["colourful"] == pytest.approx(wanted["colourful"]["value"], abs=1e-6)
    assert [line.text.split("\n")[0] for line in page.find(".chosen")] == [wanted["subject"]["label"]]


@pytest.mark.parametrize("title", [TITLE, "two\nlines", ""])
def test_the_command_asks_the_same(page: Page, drawing: Path, title: str) -> None:
    """A form, JSON with a file in base64, and a form without its optional field."""
    installed("curl", "curl")
    page.fill(title=title, image=drawing)
    page.ask()
    done = subprocess.run(
        ["sh", "-c", page.command()], cwd=drawing.parent, capture_output=True, text=True, timeout=60, check=True
    )
    answer = json.loads(done.stdout)["answers"][0]
    assert page.shown()["subject"] == pytest.approx(answer["subject"]["probabilities"], abs=1e-6)


def test_a_field_that_is_left_out_counts_for_nothing(page: Page, client: Any, drawing: Path) -> None:
    page.fill(title="a red cat", image=drawing)
    page.find("#field-title-out")[0].click()
    assert not page.at("field-title").is_displayed()
    assert ", without title." in page.ask()
    wanted = client.post("/predict", json={"image": b64(drawing.read_bytes())}).get_json()["answers"][0]
    assert page.shown()["subject"] == pytest.approx(wanted["subject"]["probabilities"], abs=1e-6)
    page.find("#field-title-out")[0].click()
    assert page.at("field-title").get_attribute("value") == "a red cat"


def test_what_is_missing_is_said_at_its_field(page: Page) -> None:
    assert page.ask().startswith("Nothing was sent")
    assert page.wrong("image") == "The model needs image. Choose a picture."
    focused = page.driver.switch_to.active_element
    assert focused.get_attribute("id") == "field-image"
    assert focused.get_attribute("aria-invalid") == "true"
    assert "field-image-wrong" in focused.get_attribute("aria-describedby").split()


def test_what_the_server_refuses_is_said_beside_the_form(page: Page, drawing: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"no picture")
    page.fill(image=torn)
    assert "known format" in page.ask()
    assert page.shown() == {}
    page.find("[aria-label='Remove image']")[0].click()
    page.fill(image=drawing)
    assert page.ask().startswith("Answered")
    assert page.at("problem").text == ""


def test_a_server_that_is_gone_is_told(exported: Path, browser: Page, drawing: Path) -> None:
    with serving(mk.serving.create_app(exported / "model.tflite")) as address:
        browser.open(address)
    browser.fill(image=drawing)
    assert "did not answer" in browser.ask()


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_use_it(page: Page, axe: str, drawing: Path, size: tuple[int, int], dark: bool) -> None:
    page.look(size, dark)
    page.ask()
    assert page.violations(axe) == ""
    page.fill(title=TITLE * 5, image=drawing)
    page.ask()
    page.find("summary")[0].click()
    assert page.violations(axe) == ""
    assert page.run("return document.documentElement.scrollWidth") <= size[0]


def test_it_is_used_by_the_keyboard_alone(page: Page, drawing: Path) -> None:
    page.fill(image=drawing)
    page.run("document.body.tabIndex = -1; document.body.focus()")
    reached = []
    for _ in range(12):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        element = page.driver.switch_to.active_element
        reached.append(element.get_attribute("id") or element.text)
        if reached[-1] == "send":
            break
    assert [
        name for name in reached if name in ("field-image", "Remove", "field-title-out", "field-title", "send")
    ] == [
        "field-image",
        "Remove",
        "field-title-out",
        "field-title",
        "send",
    ]
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.until(lambda: page.at("status").text.startswith("Answered"))


def test_the_browser_itself_keeps_the_page_to_its_server(page: Page, address: str, drawing: Path) -> None:
    page.fill(title=TITLE, image=drawing)
    page.ask()
    loaded = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert loaded
    assert all(name.startswith((address, "blob:", "data:")) for name in loaded)
    refused = page.run_async(
        "const done = arguments[0]; const caught = [];"
        "try { document.body.innerHTML = '<b>markup</b>' } catch (error) { caught.push(error.name) }"
        "fetch('http://localhost:9/').catch((error) => caught.push(error.name)).then(() => done(caught));"
    )
    assert refused == ["TypeError", "TypeError"]
    log = " ".join(entry["message"] for entry in page.driver.get_log("browser"))
    assert "TrustedHTML" in log
    assert "connect-src" in log
