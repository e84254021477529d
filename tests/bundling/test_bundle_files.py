"""What is in a bundle, and when it is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

import multimodal_keras as mk
from multimodal_keras.cli import main

TOP = {
    "README.md", "Dockerfile", "batching.config", "bundle.json", "client_grpc.py", "client_rest.py", "curl.sh",
    "docker-compose.yaml", "expected.json", "kubernetes", "loader-compose.yaml", "loader-constraints.txt",
    "loader-deployment.yaml", "loader.Dockerfile", "models", "models.config", "request.json", "smoke_test.py",
}  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def manifest(folder: Path, name: str) -> Any:
    return yaml.safe_load((folder / "kubernetes" / name).read_text(encoding="utf-8"))


def test_layout(drawings: Path, exported: Path) -> None:
    assert {path.name for path in drawings.iterdir()} == TOP
    assert sorted(path.name for path in (drawings / "models" / "drawings").iterdir()) == ["10", "3"]
    for version in ("3", "10"):
        original, copy = contents(exported / version), contents(drawings / "models" / "drawings" / version)
        added = set(copy) - set(original)
        assert added == {"assets.extra/tf_serving_warmup_requests"}
        assert set(original) - set(copy) == {"parity.json"}
        assert all(copy[name] == original[name] for name in set(copy) - added)
    for program in ("client_rest.py", "client_grpc.py", "curl.sh", "smoke_test.py"):
        assert os.access(drawings / program, os.X_OK)


def test_nothing_is_left_to_fill_in(drawings: Path, pictures: Path) -> None:
    for folder in (drawings, pictures):
        for name, content in contents(folder).items():
            if not name.startswith("models/"):
                assert not re.search(rb"@[A-Z_]+@", content), name
            if name.endswith(".py"):
                compile(content, name, "exec")
                assert b"multimodal_keras" not in content


def test_models_config_is_read_by_its_proto(drawings: Path) -> None:
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    text = (drawings / "models.config").read_text(encoding="utf-8")
    (config,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert (config.name, config.base_path, config.model_platform) == ("drawings", "/models/drawings", "tensorflow")
    assert config.model_version_policy.latest.num_versions == 2


def test_batching_config(drawings: Path) -> None:
    lines = (drawings / "batching.config").read_text(encoding="utf-8").splitlines()
    settings = [line for line in lines if line and not line.startswith("#")]
    read = dict(re.fullmatch(r"(\w+) \{ value: (\d+) \}", line).groups() for line in settings)
    names = {"max_batch_size", "batch_timeout_micros", "num_batch_threads", "max_enqueued_batches"}
    assert read.keys() == names
    assert min(map(int, read.values())) > 0


def test_compose(drawings: Path, pictures: Path) -> None:
    service = yaml.safe_load((drawings / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]["serving"]
    assert service["image"] == "tensorflow/serving:2.21.0"
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
    for volume in service["volumes"]:
        assert (drawings / volume.split(":")[0]).exists()
        assert volume.endswith(":ro")
    assert "--model_config_file=/config/models.config" in service["command"]
    assert not [argument for argument in service["command"] if "batching" in argument]
    assert "/v1/models/drawings HTTP/1.0" in service["healthcheck"]["test"][-1]
    other = yaml.safe_load((pictures / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]["serving"]
    assert "--enable_batching=true" in other["command"]
    assert "--batching_parameters_file=/config/batching.config" in other["command"]


def test_manifests(pictures: Path) -> None:
    deployment, service = manifest(pictures, "deployment.yaml"), manifest(pictures, "service.yaml")
    scaler, name = manifest(pictures, "autoscaler.yaml"), "my-pictures-v2-serving"
    assert [part["metadata"]["name"] for part in (deployment, service, scaler)] == [name] * 3
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["spec"]["containers"]
    assert container["image"] == f"{name}:3"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/v1/models/My_pictures.v2", "port": "rest"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    docker = (pictures / "Dockerfile").read_text(encoding="utf-8")
    assert f"--tag {name}:3 " in docker
    assert json.loads(docker.splitlines()[-1].removeprefix("CMD ")) == container["args"]


def test_the_same_export_gives_the_same_files(exported: Path, drawings: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    for _ in range(2):  # The second one replaces the first.
        assert mk.bundle(exported, again).versions == [3, 10]
        assert contents(again) == contents(drawings)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_what_is_foreign_stays(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(ValueError, match="holds something else"):
        mk.bundle(exported, tmp_path)
    with pytest.raises(ValueError, match="holds something else"):
        mk.bundle(exported, tmp_path / "letter.txt")
    with pytest.raises(ValueError, match="apart from what it is made of"):
        mk.bundle(exported, exported / "3" / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_refused_bundle_leaves_the_earlier_one(drawings: Path, exported: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "bundle"
    shutil.copytree(drawings, earlier)
    wrong = [{"title": "a cat", "image": b"\x89PNG\r\n\x1a\n, and then nothing"}]
    with pytest.raises(ValueError, match="record 1, which it refuses"):
        mk.bundle(exported, earlier, records=wrong)
    with pytest.raises(ValueError, match=r"image is required. Received record 1"):
        mk.bundle(exported, earlier, records=[{"title": "a cat"}])
    with pytest.raises(ValueError, match="at least one record"):
        mk.bundle(exported, earlier, records=[])
    assert contents(earlier) == contents(drawings)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_refused_arguments(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"1 to 1000 warm-up records. Received 1001"):
        mk.bundle(exported, tmp_path / "bundle", warm_up=1001)
    for name in ("9lives", "a/b", "-", "a.", "x" * 52):
        with pytest.raises(ValueError, match="Choose another one by name"):
            mk.bundle(exported, tmp_path / "bundle", name=name)
    for records in ("rows.csv", {"title": "a cat"}):
        with pytest.raises(TypeError, match="Records are dicts"):
            mk.bundle(exported, tmp_path / "bundle", records=records)
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"no saved_model.pb. Export first"):
            mk.bundle(source, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_the_command(exported: Path, tmp_path: Path, clipart: mk.data.Records, capsys: Any) -> None:
    sample = tmp_path / "sample.jsonl"
    rows = [{**record, "image": str(clipart.folder / record["image"])} for record in clipart.take(3)]
    sample.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    goal = tmp_path / "bundle"
    options = ["--sample", str(sample), "--warm-up", "2", "--name", "art", "--image", "tensorflow/serving:2.19.1"]
    assert main(["bundle", str(exported / "3"), "--output", str(goal), "--batching", *options]) == 0
    assert "art: version 3 with 5 warm-up records" in capsys.readouterr().out
    assert "FROM tensorflow/serving:2.19.1" in (goal / "Dockerfile").read_text(encoding="utf-8")
    (instance,) = json.loads((goal / "request.json").read_text(encoding="utf-8"))["instances"]
    assert instance["title"] == rows[0]["title"]
    assert "records that you passed" in (goal / "README.md").read_text(encoding="utf-8")
    assert main(["bundle", "nowhere", "--output", str(goal)]) == 2
    assert capsys.readouterr().err.startswith("multimodal-keras bundle: A bundle is made of")
