"""The wheel holds all that the package needs, and works where only it and its dependencies are installed."""

import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_wheel_holds_records_tables_and_types(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("py.typed", "runtime/unicode_tables.json", "data/clipart/records.csv", "data/clipart/LICENSE.md"):
        assert f"multimodal_keras/{name}" in names
    device = ROOT / "multimodal_keras" / "exporting" / "device"
    for source in device.glob("*.*"):
        assert f"multimodal_keras/exporting/device/{source.name}" in names
    for template in (ROOT / "multimodal_keras" / "bundling" / "templates").glob("*.*"):
        assert f"multimodal_keras/bundling/templates/{template.name}" in names
    for file in (ROOT / "multimodal_keras" / "serving" / "page").glob("*.*"):
        assert f"multimodal_keras/serving/page/{file.name}" in names
    pictures = [name for name in names if name.startswith("multimodal_keras/data/clipart/images/")]
    records = (ROOT / "multimodal_keras/data/clipart/records.csv").read_text(encoding="utf-8").splitlines()
    assert len(pictures) == len(records) - 1
    assert not [name for name in names if name.startswith(("tests/", "notebooks/"))]
    assert wheel.stat().st_size < 7_000_000


@pytest.mark.slow
def test_wheel_works_in_an_environment_of_its_own(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)],
        check=True,
        timeout=300,
        capture_output=True,
    )
    # The dependencies are those that are installed here; the package itself comes from the wheel.
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    code = (
        "import multimodal_keras as mk; records = mk.data.clipart(); print(mk.__file__);"
        "model = mk.build_model({'title': mk.TextModality()}, {'subject': mk.ClassificationHead()}, adapt_to=records);"
        "print(len(mk.predict(model, records.take(3))))"
    )
    done = subprocess.run([python, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=300)
    file, count = done.stdout.split()
    assert Path(file).is_relative_to(tmp_path)
    assert count == "3"
    help_text = subprocess.run(
        [tmp_path / "env" / "bin" / "multimodal-keras", "--help"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert "export" in help_text
