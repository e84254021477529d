"""The page over made-up contracts: every kind of field, hostile names, long lists, contributions, several models."""

from __future__ import annotations

import base64
import io
import subprocess
import wave
from pathlib import Path
from typing import Any

import flask
import numpy as np
import pytest
from debian import installed
from page_browser import PHONE, Page, serving
from PIL import Image
from selenium.webdriver.common.keys import Keys

import multimodal_keras as mk
from multimodal_keras.serving.views import page as page_views

MARKUP = "<img src=x onerror=document.title='taken'>"


def field(kind: str, shape: list[int | None], dtype: str = "string", optional: bool = True, **facts: Any) -> Any:
    return {"kind": kind, "optional": optional, **facts}, {"shape": [None, *shape], "dtype": dtype}


FIELDS = {
    "note": field("text", []),
    "photo": field("image", []),
    "sound": field("audio", [], sampling_rate=16000, max_seconds=1.5),
    "clip": field("video", []),
    "sizes": field("numbers", [3], "float32"),
    "age": field("numbers", [], "int64"),
    "steps": field("timeseries", [None, 2], "float32", channels=["left", "right"]),
    "pulse": field("timeseries", [None, 1], "float32", channels=None),
    "path": field("points", [None, 2], "float32"),
    "grid": field("points", [2, 2], "float32"),
    "many": field("numbers", [40], "float32"),
    "cube": field("tensor", [1, 2, 2], "float32"),
    "row": field(
        "tabular",
        [4],
        columns=[
            {"name": MARKUP, "kind": "category", "vocabulary": ["红", MARKUP]},
            {"name": "price", "kind": "number"},
            {"name": "new", "kind": "boolean"},
            {"name": "day", "kind": "date"},
        ],
    ),
}
DRAWING = next((Path(mk.__file__).parent / "data" / "clipart" / "images").glob("*/*.png"))
LABELS = [MARKUP, "黑猫", *(f"label number {number} of a long list" for number in range(40))]


class StandIn:
    """A server that answers what a test wants, and keeps what it was asked."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.asked: list[Any] = []
        self.contract: dict[str, Any] = {"model": "made", "version": "1"}
        self.contract["contract"] = {
            "modalities": {name: facts for name, (facts, _) in fields.items()},
            "signatures": {"serving_default": {"inputs": {name: spec for name, (_, spec) in fields.items()}}},
            "tasks": {},
        }
        self.answer: dict[str, Any] = {"size": {"value": 1.0, "unit": "cm"}}
        self.explains = True
        self.app = flask.Flask("stand_in", static_folder=None)
        page_views.add_views(self.app)
        for path in ("/contract", "/contract/<name>"):
            self.app.add_url_rule(path, path, self._contract)
        for path in ("/predict", "/predict/<name>"):
            self.app.add_url_rule(path, path, self._predict, methods=["POST"])

    def _contract(self, name: str = "made") -> Any:
        return {**self.contract, "model": name}

    def _predict(self, name: str = "") -> Any:
        request = flask.request
        if request.mimetype == "multipart/form-data":
            files = {key: file.read() for key, file in request.files.items()}
            record = {**request.form, **files}
        else:
            record = request.get_json()
        self.asked.append((name, record))
        if request.args and not self.explains:
            return {"error": "This model tells no contributions."}, 400
        return {"answers": [self.answer]}


@pytest.fixture(scope="module")
def server() -> Any:
    server = StandIn(FIELDS)
    with serving(server.app) as server.address:
        yield server


@pytest.fixture
def page(browser: Page, server: Any) -> Page:
    server.asked.clear()
    server.answer, server.explains = {"size": {"value": 1.0, "unit": "cm"}}, True
    server.contract.pop("models", None)
    browser.open(server.address)
    return browser


def sent(page: Page, server: Any) -> Any:
    """What the server was asked last, after a press of the button."""
    assert page.ask().startswith("Answered"), page.at("problem").text
    return server.asked[-1][1]


def test_each_kind_is_sent_as_it_was_entered(page: Page, server: Any, tmp_path: Path) -> None:
    assert sent(page, server) == {}
    page.fill(note="two\nlines", age="-3", sizes=["1", "2.5", "-1e-3"], row=["红", "", "true", "2024-02-29"])
    page.fill(
        steps="left, right\n1, 2\n3;\n\nnan 6",
        pulse="1 2.5,\n-3",
        path="1,2\n3,4\n5,6",
        grid="1,2\n3,4",
        many=" ".join(map(str, range(40))),
    )
    page.fill(cube="[[[1,2],[3,4]]]")
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(bytes(range(256)))
    page.fill(clip=clip)
    assert sent(page, server) == {
        "note": "two\nlines",
        "age": -3,
        "sizes": [1, 2.5, -0.001],
        "row": ["红", "", "true", "2024-02-29"],
        "steps": [[1, 2], [3, None], [None, 6]],
        "pulse": [[1], [2.5], [None], [-3]],
        "path": [[1, 2], [3, 4], [5, 6]],
        "grid": [[1, 2], [3, 4]],
        "many": list(range(40)),
        "cube": [[[1, 2], [3, 4]]],
        "clip": {"b64": base64.b64encode(bytes(range(256))).decode()},
    }
    record = server.asked[-1][1]
    installed("curl", "curl")
    subprocess.run(["sh", "-c", page.command()], cwd=tmp_path, check=True, timeout=60, stdout=subprocess.DEVNULL)
    assert [asked for _, asked in server.asked] == [{}, record, record]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("sizes", ["1", "", "3"], "Received nothing that is one for 2"),
        ("age", "1.5", "Received 1.5"),
        ("steps", "1,2\n3", "Received 1 in line 2"),
        ("steps", "1,2\n3,x", "Received “x” in line 2"),
        ("steps", "right,left\n1,2", "The columns are left, right. Received right, left"),
        ("path", "1,2\n3,", "an empty cell in line 2"),
        ("grid", "1,2", "There are 2 lines. Received 1"),
        ("many", "1 2 3", "There are 40 numbers. Received 3"),
        ("cube", "{}", "Received something else"),
    ],
)
def test_wrong_numbers_are_told_in_words(page: Page, server: Any, name: str, value: Any, words: str) -> None:
    page.fill(**{name: value})
    assert page.ask().startswith("Nothing was sent")
    assert words in page.wrong(name)
    assert page.driver.switch_to.active_element.get_attribute("aria-invalid") == "true"
    assert server.asked == []


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_fill_in_each_kind(page: Page, axe: str, dark: bool) -> None:
    page.look(PHONE, dark)
    page.fill(sizes=["1", "", ""], photo=DRAWING)
    page.ask()
    assert page.violations(axe) == ""
    assert page.run("return document.documentElement.scrollWidth") <= PHONE[0]


def test_a_recording_is_a_wav_file(page: Page, server: Any) -> None:
    """The browser's made-up microphone beeps. It stops by itself after the longest clip, or when it is told to."""
    record, preview = page.find("[data-field=sound] .drop > button")[0], page.find("[data-field=sound] .preview")[0]
    record.click()
    page.until(preview.is_displayed)
    with wave.open(io.BytesIO(sent(page, server)["sound"])) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16000, 1, 2)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    assert 1 < len(samples) / 16000 < 2
    assert np.abs(samples).max() > 300
    assert "--form 'sound=@recording.wav'" in page.command()
    preview.find_elements("css selector", "button")[0].click()
    record.click()
    page.until(lambda: record.text == "Stop" and record.is_enabled())
    record.click()
    page.until(lambda: preview.is_displayed() and record.text == "Record")


def test_sounds_become_wav_files(page: Page, server: Any, tmp_path: Path) -> None:
    """Of whatever the browser can play: here of what it recorded itself, compressed."""
    page.at("record-title").click()  # Browsers make no sound before a person does something.
    recorded = page.run_async(
        "const done = arguments[0]; const context = new AudioContext(); const chunks = [];"
        "const tone = context.createOscillator(); const place = context.createMediaStreamDestination();"
        "tone.connect(place); tone.start(); const recorder = new MediaRecorder(place.stream);"
        "recorder.ondataavailable = async ({data}) => { chunks.push(data); const all = new Blob(chunks);"
        "  if (all.size > 4000) { recorder.ondataavailable = null; recorder.stop();"
        "    done(Array.from(new Uint8Array(await all.arrayBuffer()))) } };"
        "recorder.start(100)"
    )
    note = tmp_path / "a note.webm"
    note.write_bytes(bytes(recorded))
    page.fill(sound=note)
    with wave.open(io.BytesIO(sent(page, server)["sound"])) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16000, 1, 2)
        assert sound.getnframes() > 1600
    assert "sound=@a note.wav" in page.command()
    note.write_bytes(b"no sound")
    page.fill(sound=note)
    assert page.ask().startswith("Nothing was sent")
    assert "cannot turn a note.webm into it" in page.wrong("sound")


def test_a_file_can_be_dropped_and_removed(page: Page, server: Any) -> None:
    page.run(
        "const transfer = new DataTransfer(); transfer.items.add(new File(['RIFF'], 'a.wav'));"
        "document.querySelector('[data-field=sound] .drop').dispatchEvent("
        "new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}))"
    )
    assert sent(page, server) == {"sound": b"RIFF"}
    page.find("[data-field=sound] .preview button")[0].click()
    assert sent(page, server) == {}


def test_a_phone_takes_photographs(page: Page, server: Any) -> None:
    """Its browser opens the camera for `capture`; what comes from there is sent like a file that was chosen."""
    assert page.find("[capture]") == []
    page.open(server.address, size=PHONE)
    assert page.find("[data-field=photo] .drop > button")[0].text == "Take a photo"
    page.run("document.querySelector('[capture=environment]').hidden = false")
    page.find("[capture]")[0].send_keys(str(DRAWING))
    assert sent(page, server) == {"photo": DRAWING.read_bytes()}
    assert page.until(lambda: page.run("return document.querySelector('.preview > img').naturalWidth")) > 10


def test_a_webcam_takes_photographs(page: Page, server: Any) -> None:
    """The browser's made-up camera shows a coloured field."""
    camera = page.find("[data-field=photo] .drop > button")[0]
    camera.click()
    view = page.find("[data-field=photo] video")[0]
    page.until(lambda: view.is_displayed() and page.run("return arguments[0].videoWidth", view))
    page.find("[data-field=photo] video + button")[0].click()
    page.until(page.find("[data-field=photo] .preview:has(img)")[0].is_displayed)
    assert not view.is_displayed()
    assert page.run("return arguments[0].srcObject", view) is None
    with Image.open(io.BytesIO(sent(page, server)["photo"])) as picture:
        assert picture.format == "JPEG"
        assert min(picture.size) >= 100
        assert max(high - low for low, high in picture.getextrema()) > 50


def test_the_command_is_copied(page: Page, server: Any) -> None:
    page.fill(note="it's $HOME")
    page.ask()
    page.find("summary")[0].click()
    page.at("copy").click()
    page.until(lambda: page.at("copied").text == "Copied.")
    page.at("field-note").clear()
    page.at("field-note").send_keys(Keys.CONTROL, "v")
    assert page.at("field-note").get_attribute("value") == page.command()


def test_lines_are_loaded_from_a_file(page: Page, server: Any, tmp_path: Path) -> None:
    lines = tmp_path / "steps.csv"
    lines.write_text("left,right\r\n1,2\r\n3,4.5\r\n")
    page.find("[data-field=steps] .load input")[0].send_keys(str(lines))
    page.until(lambda: page.at("field-steps").get_attribute("value"))
    assert sent(page, server) == {"steps": [[1, 2], [3, 4.5]]}


def test_what_a_model_says_is_text_and_never_markup(page: Page, server: Any) -> None:
    server.answer = {
        MARKUP: {"label": MARKUP, "probability": 1.0, "probabilities": {MARKUP: 1.0}},
        "b": {"text": MARKUP},
    }
    assert MARKUP in page.ask()
    assert [label.text for label in page.find("#tasks .label")] == [MARKUP]
    assert MARKUP in page.find("#tasks pre")[0].text
    assert page.find("#tasks img") == []
    assert page.driver.title == "Ask made"


def test_long_lists_show_the_first_and_the_rest_on_request(page: Page, server: Any) -> None:
    chances = {label: 1 / (2 + place) for place, label in enumerate(LABELS)}
    server.answer = {"subject": {"label": LABELS[0], "probability": 0.5, "probabilities": chances}}
    page.look(PHONE)
    page.ask()
    assert [line.text for line in page.find("#tasks .label")] == LABELS[:5]
    assert page.shown()["subject"] == pytest.approx(chances)
    assert page.run("return document.documentElement.scrollWidth") <= PHONE[0]
    page.find("#tasks [aria-expanded=true]")[0].click()
    assert len(page.find("#tasks li")) == 5


def test_contributions_are_shown_where_there_are_some(page: Page, server: Any) -> None:
    server.answer = {
        "subject": {
            **{"label": "cat", "probability": 0.9, "probabilities": {"cat": 0.9, "dog": 0.1}},
            **{"contributions": {"note": 0.5, "sound": -0.1}, "baseline": 0.5},
        },
        "tags": {
            **{"labels": [], "probabilities": {"big": 0.1, "red": 0.4}, "baseline": {"big": 0.1, "red": 0.2}},
            "contributions": {"note": {"big": 0.0, "red": 0.2}},
        },
    }
    page.ask()
    assert "?contributions=true" in page.command()
    first, second = page.find(".contributions")
    assert [line.text.split("\n") for line in first.find_elements("css selector", "li")] == [
        ["note", "+50%"],
        ["sound", "-10%"],
    ]
    assert "What each field added to cat" in first.text
    assert "With nothing given it is 50%." in first.text
    assert "What each field added to red" in second.text
    assert "+20%" in second.text


def test_what_is_rounded_to_nothing_has_no_long_bar(page: Page, server: Any) -> None:
    chances = {"cat": 0.9, "dog": 0.1}
    told = {"contributions": {"note": 0.0004, "sound": -0.0002}, "baseline": 0.9}
    server.answer = {"subject": {"label": "cat", "probability": 0.9, "probabilities": chances, **told}}
    page.ask()
    track, bar = (page.find(f".contributions {part}")[0].size["width"] for part in (".track", ".filled"))
    assert bar < 0.05 * track


def test_promises_of_a_calibrated_model_are_told(page: Page, server: Any) -> None:
    chances = {"cat": 0.9, "dog": 0.1}
    server.answer = {
        "age": {"value": 3.0, "unit": "years", "interval": [1.5, 4.25]},
        "subject": {
            **{"label": "cat", "probability": 0.9, "probabilities": chances},
            **{"set": ["cat", "dog"], "accepted": False},
        },
        "tags": {"labels": ["cat"], "probabilities": chances, "set": ["cat"], "accepted": ["cat"]},
        "things": {"labels": [], "probabilities": chances, "set": [], "accepted": []},
        "ood_score": {"score": 0.25, "unusual": True},
    }
    page.ask()
    assert [line.text for line in page.find("#tasks .promise")] == [
        "Between 1.5 years and 4.25 years.",
        "One of these: cat, dog.",
        "Not sure enough to be accepted.",
        "None but these: cat.",
        "Sure enough of: cat.",
        "None is likely enough.",
        "Sure enough of: none.",
    ]
    assert "0.25; above 0 is unusual" in page.find(".unusual")[0].text


def test_a_model_without_contributions_is_asked_without(page: Page, server: Any) -> None:
    server.explains = False
    page.ask()
    page.ask()
    assert len(server.asked) == 3
    assert "contributions" not in page.command()
    assert page.find(".contributions") == []


def test_several_models_can_be_chosen_from(page: Page, server: Any) -> None:
    assert not page.at("choice").is_displayed()
    server.contract["models"] = ["made", "é other"]
    page.open(server.address)
    page.ask()
    assert server.asked[-1][0] == "made"
    page.at("model").send_keys("é")
    page.until(lambda: page.at("name").text == "é other")
    page.ask()
    assert server.asked[-1][0] == "é other"
    assert "/predict/%C3%A9%20other" in page.command()


def test_a_contract_without_json_is_told(browser: Page) -> None:
    app = flask.Flask("proxy", static_folder=None)
    page_views.add_views(app)
    app.add_url_rule("/contract", "contract", lambda: ("<h1>Bad gateway</h1>", 502))
    with serving(app) as address:
        browser.open(address, "problem")
        assert browser.until(lambda: browser.at("problem").text) == "The server answered 502, without a reason."
