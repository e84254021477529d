"""Make the bundled data set `multimodal_keras/data/clipart` from Debian's Open Clip Art packages.

Fetch the drawings (neither root rights nor an install are needed) and run this:

    apt-get download openclipart-png openclipart-svg
    for package in openclipart-*.deb; do dpkg-deb -x "$package" clipart; done
    pip install numpy pillow pyoxipng
    python tools/make_clipart.py clipart

The same packages and library versions give the same bytes at each run. `LICENSE.md` beside the data is written by
hand and left alone. `pyoxipng` is needed here only, never by the package.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import html
import multiprocessing
import re
import shutil
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from clipart_pictures import colourfulness, draw, encode, similarities

OUTPUT = Path(__file__).resolve().parents[1] / "multimodal_keras" / "data" / "clipart"
IMAGE_BYTES = 5_080_000
SUBJECT_MINIMUM, SUBJECT_MAXIMUM = 40, 300
GROUP_MAXIMUM = 12  # a long series in one split makes its figures hang on that series
SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
SIMILAR, REPEATED = 0.7, 0.9
DROPPED_FOLDERS = re.compile(r"unsorted|special|flags|cards|pantyhose|.*theme")
PLACEHOLDER = re.compile(r"(untitled|no ?title|title|unknown|unnamed|none|drawing|image)?[\W\d_]*", re.IGNORECASE)
DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"


@dataclass
class Drawing:
    """One drawing: what its RDF says, its picture (96, 96, 3) and what the selection decides."""

    source: str
    subject: str
    title: str
    description: str
    author: str
    licence: str
    picture: np.ndarray = field(repr=False)
    group: int = -1
    split: str = ""
    encoded: bytes = field(default=b"", repr=False)

    def key(self, salt: str = "") -> str:
        """Return a hash of the source path: a fixed random order."""
        return hashlib.sha256(f"{salt}{self.source}".encode()).hexdigest()


def clean_text(text: str | None) -> str:
    """Undo XML escapes (some were escaped twice) and mis-decoded UTF-8; drop what is no text; collapse whitespace."""
    text = html.unescape(html.unescape(text or ""))
    with contextlib.suppress(UnicodeError):  # Then it was right as it stood.
        text = text.encode("latin-1").decode("utf-8")
    text = re.sub(r"HASH\(0x\w+\)|@[\w.-]+", "", text)  # A slip of the library's own scripts; mail addresses.
    printable = "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in text)
    return " ".join(unicodedata.normalize("NFC", printable).split())


def normalise_title(title: str) -> str:
    """Return the title lower-cased, without digits, punctuation, plural endings and word order."""
    words = re.sub(r"[\W\d_]+", " ", unicodedata.normalize("NFKC", title).casefold()).split()
    return " ".join(sorted(word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words))


def read_metadata(path: Path) -> dict[str, str] | None:
    """Read the RDF of one SVG; None unless every licence tag says public domain and there is a real title."""
    works = [element for element in ElementTree.parse(path).iter() if element.tag.endswith("}Work")]
    licences = [
        value
        for work in works
        for element in work
        if element.tag.rpartition("}")[2] == "license"
        for value in element.attrib.values()
    ]
    if not licences or any("publicdomain" not in value.lower().replace(" ", "") for value in licences):
        return None
    texts = {name: clean_text(works[0].findtext(f"{DUBLIN_CORE}{name}")) for name in ("title", "description")}
    rights = works[0].find(f"{DUBLIN_CORE}rights")
    derived = rights is not None and "based on" in "".join(rights.itertext()).lower()
    if derived or PLACEHOLDER.fullmatch(texts["title"]):
        return None
    creator = works[0].find(f"{DUBLIN_CORE}creator")
    author = clean_text(" ".join(creator.itertext()) if creator is not None else "")
    return {**texts, "author": author, "licence": licences[0]}


def read_one(paths: tuple[Path, Path, str]) -> tuple[Drawing, str] | None:
    """Read one drawing and a digest of its picture file."""
    png, svg, source = paths
    metadata = read_metadata(svg) if svg.exists() else None
    picture = draw(png) if metadata else None
    if metadata is None or picture is None:
        return None
    drawing = Drawing(source=source, subject=Path(source).parts[0], picture=picture, **metadata)
    return drawing, hashlib.sha256(png.read_bytes()).hexdigest()


def read_drawings(roots: list[Path]) -> list[Drawing]:
    """Read every usable drawing once; of byte-identical pictures the one in the smallest subject stays."""
    folders = [found for root in roots for found in root.rglob("share/openclipart/*") if found.name in ("png", "svg")]
    folder = {found.name: found for found in folders}
    sources = sorted(path.relative_to(folder["png"]) for path in folder["png"].rglob("*.png"))
    sources = [path for path in sources if not any(map(DROPPED_FOLDERS.fullmatch, path.parts[:-1]))]
    jobs = [(folder["png"] / path, folder["svg"] / path.with_suffix(".svg"), path.as_posix()) for path in sources]
    with multiprocessing.Pool(2) as pool:
        found = [result for result in pool.map(read_one, jobs, chunksize=16) if result]
    sizes = Counter(drawing.subject for drawing, _ in found)
    kept: dict[Any, Drawing] = {}
    seen: set[str] = set()
    for drawing, digest in sorted(found, key=lambda pair: (sizes[pair[0].subject], pair[0].source)):
        if seen.isdisjoint(digests := {digest, hashlib.sha256(drawing.picture.tobytes()).hexdigest()}):
            kept[drawing.source] = drawing
        seen |= digests
    print(f"{len(sources)} pictures, {len(found)} usable, {len(kept)} without byte duplicates")
    return list(kept.values())


def drop_repeats(drawings: list[Drawing]) -> list[Drawing]:
    """Drop a drawing that repeats the title and, nearly, the picture of one before it."""
    alike = similarities([drawing.picture for drawing in drawings]) >= REPEATED
    kept: list[int] = []
    same_title: dict[str, list[int]] = defaultdict(list)
    for index, drawing in enumerate(drawings):
        earlier = same_title[drawing.title.casefold()]
        colours = drawing.picture.astype(int)
        if not any(alike[index, other] and abs(colours - drawings[other].picture).mean() < 12 for other in earlier):
            kept.append(index)
            earlier.append(index)
    return [drawings[index] for index in kept]


def assign_groups(drawings: list[Drawing]) -> None:
    """Put drawings with similar pictures or the same normalised title into one group (union-find)."""
    parents = list(range(len(drawings)))

    def find(index: int) -> int:
        while parents[index] != index:
            parents[index] = index = parents[parents[index]]
        return index

    for first, second in np.argwhere(np.triu(similarities([drawing.picture for drawing in drawings]) >= SIMILAR, 1)):
        parents[find(int(second))] = find(int(first))
    titles: dict[str, int] = {}
    for index, drawing in enumerate(drawings):
        parents[find(index)] = find(titles.setdefault(normalise_title(drawing.title), index))
    numbers: dict[int, int] = {}
    for index, drawing in enumerate(drawings):
        drawing.group = numbers.setdefault(find(index), len(numbers))


def choose(drawings: list[Drawing]) -> list[Drawing]:
    """Keep the large enough subjects, at most so many drawings each, taken from many groups and few of each."""
    subjects: dict[str, list[Drawing]] = defaultdict(list)
    for drawing in drawings:
        subjects[drawing.subject].append(drawing)
    chosen: list[Drawing] = []
    for subject, members in sorted(subjects.items()):
        print(f"  {subject}: {len(members)}")
        taken: Counter[int] = Counter()
        ranked = []
        for drawing in sorted(members, key=Drawing.key):
            if taken[drawing.group] < GROUP_MAXIMUM:
                ranked.append((taken[drawing.group], drawing.key(), drawing))
            taken[drawing.group] += 1
        if len(ranked) >= SUBJECT_MINIMUM:
            chosen += [drawing for *_, drawing in sorted(ranked, key=lambda item: item[:2])[:SUBJECT_MAXIMUM]]
    return chosen


def assign_splits(drawings: list[Drawing]) -> None:
    """Give each group, the largest first, to the split which then still has most room for its subjects."""
    groups: dict[int, list[Drawing]] = defaultdict(list)
    for drawing in drawings:
        groups[drawing.group].append(drawing)
    totals = Counter(drawing.subject for drawing in drawings)
    filled: Counter[tuple[str, str]] = Counter()

    def room(split: str, subjects: Counter[str]) -> float:
        return sum(
            count * (1 - (filled[subject, split] + count) / (SHARES[split] * totals[subject]))
            for subject, count in subjects.items()
        )

    for members in sorted(groups.values(), key=lambda group: (-len(group), min(one.key("split") for one in group))):
        subjects = Counter(drawing.subject for drawing in members)
        split = max(SHARES, key=lambda name, subjects=subjects: room(name, subjects))
        for drawing in members:
            drawing.split = split
            filled[drawing.subject, split] += 1


def encode_all(drawings: list[Drawing]) -> None:
    """Encode every picture with the palette which spends the bytes where they help most, within the budget."""
    with multiprocessing.Pool(2) as pool:
        options = pool.map(encode, [drawing.picture for drawing in drawings], chunksize=16)
    low, high = 0.0, 10.0
    for _ in range(40):
        price = (low + high) / 2
        best = [min(option, key=lambda item: item[1] + price * item[0]) for option in options]
        low, high = (price, high) if sum(item[0] for item in best) > IMAGE_BYTES else (low, price)
    best = [min(option, key=lambda item: item[1] + high * item[0]) for option in options]
    for drawing, (_, _, content) in zip(drawings, best, strict=True):
        drawing.encoded = content


def write(drawings: list[Drawing]) -> None:
    """Write the pictures, the records and where each came from."""
    shutil.rmtree(OUTPUT / "images", ignore_errors=True)
    records, origins = [], []
    used: Counter[str] = Counter()
    numbers: dict[int, int] = {}
    for drawing in sorted(drawings, key=lambda one: one.source):
        plain = unicodedata.normalize("NFKD", drawing.title).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain)[:32].strip("-") or "drawing"
        used[f"{drawing.subject}/{slug}"] += 1
        name = f"images/{drawing.subject}/{slug}-{used[f'{drawing.subject}/{slug}']}.png"
        (OUTPUT / name).parent.mkdir(parents=True, exist_ok=True)
        (OUTPUT / name).write_bytes(drawing.encoded)
        group = numbers.setdefault(drawing.group, len(numbers))
        texts = (drawing.title, drawing.description, drawing.subject, drawing.split)
        records.append((name, *texts, colourfulness(drawing.encoded), group))
        origins.append((name, drawing.source, drawing.author, drawing.licence))
    write_table("records.csv", "image,title,description,subject,split,colourful,group", records)
    write_table("provenance.csv", "image,source,author,licence", origins)


def write_table(name: str, header: str, rows: list[tuple[Any, ...]]) -> None:
    """Write one CSV file with Unix line ends."""
    with (OUTPUT / name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([header.split(","), *rows])


def main() -> None:
    """Read, select, split, encode and write."""
    parser = argparse.ArgumentParser(description="Make the bundled clip-art records.")
    parser.add_argument("roots", nargs="+", type=Path, help="folders the two packages were extracted to")
    drawings = drop_repeats(read_drawings(parser.parse_args().roots))
    assign_groups(drawings)
    drawings = choose(drawings)
    assign_splits(drawings)
    encode_all(drawings)
    write(drawings)
    sizes = Counter(Counter(drawing.group for drawing in drawings).values())
    print(f"{len(drawings)} records; group sizes {dict(sorted(sizes.items()))}")
    print(f"splits {Counter(drawing.split for drawing in drawings)}")
    print(f"{sum(path.stat().st_size for path in OUTPUT.rglob('*') if path.is_file())} bytes")


if __name__ == "__main__":
    main()
