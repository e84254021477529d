"""Videos: what does a creature do (stand, run, attack, die), from four frames of it?

The data are the animations of the creatures in Flare, a role-playing game (Debian's flare-game, art CC-BY-SA 3.0: fetched,
not kept here), each drawn from eight directions. How many frames an animation has would give it away, so four are kept of
each, evenly over time, and cut out by what they show together. In the first table the model is tested on two directions that
it has not seen, and another one was to choose on (as in the "cross-view" protocol for videos of people); in the second table
on families of creatures that it has not seen ("cross-subject"), with the same options. Options, the baselines' too, were
chosen on the first table's validation records.

    python examples/creature_actions.py
"""

from __future__ import annotations

from pathlib import Path

import common
import fetch
import numpy as np
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import multimodal_keras as mk

ACTIONS = {
    "stance": "stand",
    "run": "run",
    "swing": "attack",
    "shoot": "attack",
    "cast": "attack",
    "die": "die",
    "critdie": "die",
}
FAMILIES = ("goblin_minecart", "hobgoblin", "goblin", "minotaur", "skeleton", "wyvern", "zombie", "stealth", "ant")
FRAMES, SIDE = 4, 48
DIRECTIONS_TESTED, DIRECTIONS_CHOSEN_ON = (5, 7), (2,)
FAMILIES_TESTED, FAMILIES_CHOSEN_ON = ("hobgoblin", "zombie", "minotaur"), ("goblin", "stealth")

Boxes = dict[tuple[int, int], list[int]]  # (frame, direction) to x, y, width, height, and where its origin is in it


def read_animations(path: Path) -> tuple[str | None, dict[str, Boxes]]:
    """The picture that a file of animations is about, and the places of each animation's frames in it."""
    image, found, boxes = None, {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _, value = line.strip().partition("=")
        if key == "image":
            image = value
        elif key.startswith("["):
            boxes = found[key.strip("[]")] = {}
        elif key == "frame" and boxes is not None:
            frame, direction, *box = (int(number) for number in value.split(",")[:8])
            boxes[frame, direction] = box
    return image, found


def clip(picture: Image.Image, boxes: list[list[int]]) -> np.ndarray:
    """Frames cut out of a picture, on grey, by the square around all of them: `uint8 (frames, SIDE, SIDE, 3)`."""
    left, top = (max(box[origin] for box in boxes) for origin in (4, 5))
    width = max(left - box[4] + box[2] for box in boxes)
    height = max(top - box[5] + box[3] for box in boxes)
    side = max(width, height)
    frames = []
    for x, y, wide, high, origin_x, origin_y in boxes:
        frame = Image.new("RGB", (side, side), (128, 128, 128))
        cut = picture.crop((x, y, x + wide, y + high))
        place = (left - origin_x + (side - width) // 2, top - origin_y + side - height)
        frame.paste(cut, place, cut)
        frames.append(np.asarray(frame.resize((SIDE, SIDE), Image.Resampling.BOX)))
    return np.stack(frames)


def read_clips(mods: Path) -> list[dict]:
    """`video`, `action`, `family` and `direction` of each animation, each picture and each row of boxes once."""
    clips, seen = [], set()
    for path in sorted(mods.glob("*/animations/enemies/*.txt")):
        image, animations = read_animations(path)
        place = mods / path.parts[-4] / (image or "")
        family = next((name for name in FAMILIES if name in path.stem), None)
        if family is None or not place.is_file() or image in seen:
            continue
        seen.add(image)
        picture, known = Image.open(place).convert("RGBA"), []
        for name, boxes in animations.items():
            count = 1 + max((frame for frame, _ in boxes), default=-1)
            if name not in ACTIONS or count < FRAMES or boxes in known:
                continue
            known.append(boxes)
            kept = [(2 * number + 1) * count // (2 * FRAMES) for number in range(FRAMES)]
            for direction in sorted({direction for _, direction in boxes}):
                video = clip(picture, [boxes[frame, direction] for frame in kept])
                record = {"video": video, "action": ACTIONS[name], "family": family, "direction": direction}
                clips.append({**record, "creature": path.stem})
    return clips


def movements(records: mk.data.Records) -> np.ndarray:
    """On 24 x 24 cells: the mean frame, its mean change from frame to frame, and that from the first to the last."""
    rows = []
    for video in records.values("video"):
        frames = video.reshape(FRAMES, SIDE // 2, 2, SIDE // 2, 2, 3).mean(axis=(2, 4)) / 255
        changes = np.abs(np.diff(frames, axis=0)).mean(axis=(0, 3))
        rows.append(
            np.concatenate(
                [frames.mean(axis=0).ravel(), changes.ravel(), np.abs(frames[-1] - frames[0]).mean(axis=2).ravel()]
            )
        )
    return np.array(rows)


def baselines(train: mk.data.Records, test: mk.data.Records) -> dict[str, list[str]]:
    """What two classifiers answer."""
    known, asked, labels = movements(train), movements(test), list(train.values("action"))
    ways = {"logistic regression": LogisticRegression(C=1e-3, max_iter=500), "support vectors": SVC(C=10)}
    answers = {}
    for name, way in ways.items():
        model = make_pipeline(StandardScaler(), PCA(100, random_state=0), way).fit(known, labels)
        answers[f"{name} on mean frame and differences"] = list(model.predict(asked))
    return answers


def run(title: str, parts: tuple[mk.data.Records, ...]) -> None:
    """One table."""
    common.seed()
    train, _, test = parts
    model = mk.build_model(
        {"video": mk.VideoModality(FRAMES, (SIDE, SIDE), flip=True)},
        {"action": mk.ClassificationHead()},
        encoders={"video": mk.Conv3DEncoder((16, 32, 64), dropout=0.1)},
        adapt_to=train,
    )
    options = {"epochs": 20, "patience": 20, "batch_size": 16, "learning_rate": 2e-3, "schedule": "cosine"}
    common.show(title, model, parts, "action", baselines(train, test), cache="memory", **options)


def main() -> None:
    """Both tables."""
    clips = read_clips(fetch.debian("flare-game") / "usr/share/games/flare/mods")
    for title, field, tested, chosen_on in (
        ("Known creatures, other directions", "direction", DIRECTIONS_TESTED, DIRECTIONS_CHOSEN_ON),
        ("Other creatures", "family", FAMILIES_TESTED, FAMILIES_CHOSEN_ON),
    ):
        rest = [clip for clip in clips if clip[field] not in (*tested, *chosen_on)]
        valid, test = ([clip for clip in clips if clip[field] in kind] for kind in (chosen_on, tested))
        run(title, tuple(mk.data.read(part) for part in (rest, valid, test)))


if __name__ == "__main__":
    main()
