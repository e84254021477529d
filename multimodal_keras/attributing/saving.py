"""Write attributions: numbers as JSON, maps as arrays and pictures, and a page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from multimodal_keras.attributing.page import page
from multimodal_keras.attributing.pictures import picture
from multimodal_keras.attributing.result import Attributions

FILE, MAPS, PAGE = "attributions.json", "maps.npz", "page.html"


def save(found: Attributions, folder: Path) -> Path:
    """Write everything into a folder; see `Attributions.save`."""
    folder.mkdir(parents=True, exist_ok=True)
    maps: dict[str, np.ndarray] = {}
    pictures: dict[str, bytes] = {}
    told = []
    for number, record in enumerate(found, 1):
        facts = record.to_dict()
        for task, each in record.items():
            for name, field in each.items():
                key = f"{number:04}_{task}_{name}"
                png = picture(field, record.contents.get(name))
                if png is None or field.map is None:
                    continue
                maps[key], pictures[key] = field.map, png
                (folder / f"{key}.png").write_bytes(png)
                facts["tasks"][task]["fields"][name]["picture"] = f"{key}.png"
        told.append(facts)
    text = json.dumps({**found.settings, "records": told}, indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")
    if maps:
        np.savez_compressed(folder / MAPS, **maps)  # type: ignore[arg-type]
    (folder / PAGE).write_text(page(found, pictures), encoding="utf-8")
    return folder
