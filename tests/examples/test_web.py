"""The page in examples/web: a model in a real browser gives the numbers of Keras, and sends nothing anywhere."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import ClassVar

import numpy as np
import odd_pictures as odd
import pytest
from debian import installed
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import multimodal_keras as mk
from multimodal_keras.runtime.resize import resize_pixels

PAGE = Path(__file__).parents[2] / "examples" / "web"
WAIT_SECONDS = 60
# A browser's own decoder of lossy files may be off by a few levels.
EXACT, LOSSY = 1e-4, 2e-2
# One process puts the page together and starts the browser.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(clipart):
    """Two fields that may be missing, and a head of each kind."""
    return mk.build_model(
        {"title": mk.TextModality(12, optional=True), "image": mk.ImageModality((24, 32), resize="pad", optional=True)},
        {
            "subject": mk.ClassificationHead(),
            "colourful": mk.RegressionHead(),
            "tags": mk.MultiLabelHead(labels=["a", "b"]),
        },
        encoders={"title": mk.LSTMEncoder(16, embedding_width=8), "image": mk.Conv2DEncoder((8, 16))},
        fusion="CrossAttentionFusion",
        adapt_to=clipart,
    )


@pytest.fixture(scope="module")
def site(model, clipart, tmp_path_factory):
    """The page with its runtime and a model beside it, put together as the README says."""
    folder = tmp_path_factory.mktemp("site") / "web"
    shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns("node_modules", "device", "*.tflite"))
    npm = [installed("npm", "npm"), "install", "--no-package-lock", "--no-audit", "--no-fund"]
    subprocess.run(npm, cwd=folder, check=True, capture_output=True, timeout=600)
    exported = mk.export(model, tmp_path_factory.mktemp("exported") / "1", sample=clipart, sample_size=4).folder
    shutil.copy(exported / "model.tflite", folder)
    shutil.copytree(exported / "device", folder / "device")
    return folder


@pytest.fixture(scope="module")
def address(site):
    """Where the page is served, and the paths that were asked for."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        asked: ClassVar[list[str]] = []

        def log_request(self, code="-", size="-"):
            self.asked.append(f"{self.command} {self.path}")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=site))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Handler.asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = installed("chromium", "chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1100,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(installed("chromedriver", "chromium-driver")))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, address):
    browser.get(f"{address[0]}/index.html")
    said(browser, "Ready")
    return browser


def said(browser, start):
    """Wait for a status."""
    try:
        WebDriverWait(browser, WAIT_SECONDS).until(
            lambda page: page.find_element(By.ID, "status").text.startswith(start)
        )
    except Exception as error:
        text = browser.find_element(By.TAG_NAME, "body").text
        raise AssertionError(f"{start!r} was expected; the page says {text}\n{browser.get_log('browser')}") from error


def fill(page, title="", image=None):
    page.find_element(By.NAME, "title").clear()
    page.find_element(By.NAME, "title").send_keys(title)
    remove = page.find_element(By.CSS_SELECTOR, ".preview button")
    if remove.is_displayed():
        remove.click()
    if image:
        page.find_element(By.NAME, "image").send_keys(str(image))
    page.execute_script("document.querySelector('#status').textContent = ''")
    page.find_element(By.CSS_SELECTOR, "fieldset > button").click()


def answered(page):
    """What the page shows, by task: probabilities by label, or a value."""
    said(page, "Answered")
    found = {}
    for section in page.find_elements(By.CSS_SELECTOR, "#answers > section"):
        values = [float(data.get_attribute("value")) for data in section.find_elements(By.TAG_NAME, "data")]
        labels = [label.text for label in section.find_elements(By.CSS_SELECTOR, ".label")]
        found[section.get_attribute("data-task")] = dict(zip(labels, values, strict=True)) if labels else values[0]
    return found


@pytest.fixture(scope="module")
def pictures(clipart, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    drawing = clipart.folder / next(iter(clipart))["image"]
    files = dict(odd.rewritten(drawing))
    kinds = {
        "png alpha": "png",
        "png interlaced": "png",
        "png palette alpha": "png",
        "jpeg baseline": "jpg",
        "gif": "gif",
    }
    kinds |= {"png 16 bit": "png", "bmp": "bmp"} | ({"webp lossy": "webp"} if odd.WEBP else {})
    for name, suffix in kinds.items():
        (folder / f"{name}.{suffix}").write_bytes(files[name])
    return {path.stem: path for path in [drawing, *folder.iterdir()]} | {"drawing": drawing}


RECORDS = [
    ("黑猫和白狗，红色的鸟", "drawing", EXACT),
    ("東京タワー Lézard ÅNGSTRÖM 😀😀", "png alpha", EXACT),
    ("the red bird", "png interlaced", EXACT),
    ("a dog and a cat", "png palette alpha", EXACT),
    ("blue house", "png 16 bit", EXACT),
    ("ภาษาไทย", "gif", EXACT),
    ("", "bmp", EXACT),
    ("只有文字", None, EXACT),
    ("", None, EXACT),
    ("flower", "jpeg baseline", LOSSY),
    ("flower", "webp lossy", LOSSY),
]


def test_the_page_gives_the_numbers_of_keras(page, model, pictures):
    records = [record for record in RECORDS if record[1] in (None, *pictures)]
    rows = [{"title": title, "image": str(pictures[picture]) if picture else None} for title, picture, _ in records]
    for (title, picture, tolerance), wanted in zip(records, mk.predict(model, rows), strict=True):
        fill(page, title, pictures.get(picture))
        found = answered(page)
        where = f"{title} {picture}"
        assert found["subject"] == pytest.approx(wanted["subject"]["probabilities"], abs=tolerance), where
        assert found["tags"] == pytest.approx(wanted["tags"]["probabilities"], abs=tolerance), where
        assert found["colourful"] == pytest.approx(wanted["colourful"]["value"], abs=tolerance), where
        assert list(found["subject"].values()) == sorted(found["subject"].values(), reverse=True)


def test_nothing_is_sent(page, address, pictures):
    server, asked = address
    resources = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert resources
    assert all(name.startswith((server, "data:", "blob:")) for name in resources)
    before = len(asked)
    fill(page, "a secret", pictures["drawing"])
    answered(page)
    assert asked[before:] == []
    assert all(request.startswith("GET ") for request in asked)


def test_a_damaged_picture_is_named_and_the_page_goes_on(page, pictures, tmp_path):
    torn = tmp_path / "torn.png"
    torn.write_bytes(pictures["drawing"].read_bytes()[:60])
    fill(page, "cat", torn)
    problem = page.find_element(By.ID, "problem")
    WebDriverWait(page, WAIT_SECONDS).until(lambda _: problem.text)
    assert "Received torn.png" in problem.text
    fill(page, "cat", pictures["drawing"])
    answered(page)
    assert problem.text == ""


def test_a_page_without_a_model_says_so(browser, address, site):
    (site / "model.tflite").rename(site / "away")
    try:
        browser.get(f"{address[0]}/index.html?without")
        problem = browser.find_element(By.ID, "problem")
        WebDriverWait(browser, WAIT_SECONDS).until(lambda _: problem.text)
        assert "Received 404 for model.tflite" in problem.text
    finally:
        (site / "away").rename(site / "model.tflite")


def test_it_fits_a_phone_and_labels_what_it_asks(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 700, "deviceScaleFactor": 2, "mobile": True}
    )
    fill(page, "cat")
    answered(page)
    assert page.execute_script("return document.documentElement.scrollWidth") <= 360
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    for name in ("title", "image"):
        assert page.find_element(By.CSS_SELECTOR, f"label[for=field-{name}]").text.startswith(name)
        assert page.find_element(By.ID, f"field-{name}").get_attribute("name") == name


def test_resizing_is_equal_to_the_bit(tmp_path):
    dice = np.random.default_rng(0)
    cases, wanted = [], []
    for height, width in ((1, 1), (1, 9), (13, 17), (64, 32), (301, 203), (48, 48), (600, 601)):
        rgba = dice.integers(0, 256, (height, width, 4)).astype(np.uint8)
        white = (rgba[..., :3].astype(int) * rgba[..., 3:] + 255 * (255 - rgba[..., 3:].astype(int)) + 127) // 255
        for size in ((32, 32), (24, 40), (7, 5), (1, 1), (96, 48)):
            for resize in ("stretch", "crop", "pad"):
                case = {"rgba": base64.b64encode(rgba.tobytes()).decode(), "height": height, "width": width}
                cases.append({**case, "size": size, "resize": resize})
                wanted.append(resize_pixels(white.astype(np.uint8), size, resize))
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    module = shutil.copyfile(PAGE / "picture.js", tmp_path / "picture.mjs")
    command = [installed("node", "nodejs"), Path(__file__).with_name("resize.mjs"), module, tmp_path / "cases.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for case, answer, expected in zip(cases, json.loads(done.stdout), wanted, strict=True):
        found = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(expected.shape)
        np.testing.assert_array_equal(
            found, expected, err_msg=f"{case['height']} {case['width']} {case['size']} {case['resize']}"
        )


def test_pixels_are_those_of_the_definition(page, pictures):
    """What the browser decodes, put on white: equal to the bit for what is stored without loss."""
    for name in ("drawing", "png alpha", "png interlaced", "png palette alpha", "png 16 bit", "gif", "bmp"):
        page.find_element(By.NAME, "image").send_keys(str(pictures[name]))
        found = page.execute_async_script(
            "const done = arguments[0];"
            "import('./picture.js').then(({decoded}) => decoded(document.querySelector('[name=image]').files[0], 1e8))"
            ".then(({rgb, height, width}) => done([height, width, Array.from(rgb)]));"
        )
        height, width = found[:2]
        expected = mk.runtime.image.decode_picture(pictures[name].read_bytes(), (height, width))
        np.testing.assert_array_equal(np.array(found[2]), expected.ravel(), err_msg=name)
