"""The walkthrough: each picture that it names is there, each that is there is named, and all are small."""

import io
import json
import re

from PIL import Image, ImageDraw

from adapters.settings import PROJECT_ROOT
from experiments.documents.camera import WIDTH, with_palette
from experiments.documents.screenshots import END, FOLDER, KEPT, MARK, PAGE, with_record

MOST_BYTES = 3_000_000
"""Of every picture together with the slides: what a clone has to fetch for them."""
TEXT = PAGE.read_text()


def test_every_picture_is_named_once_in_order_and_every_name_has_its_picture():
    named = re.findall(r"!\[[^]]{10,}\]\(walkthrough/([\w-]+\.png)\)", TEXT)
    assert named == sorted(path.name for path in FOLDER.iterdir())


def test_pictures_and_slides_are_small():
    folders = [FOLDER, PROJECT_ROOT / "docs" / "presentation"]
    assert sum(path.stat().st_size for folder in folders for path in folder.iterdir()) < MOST_BYTES


def test_every_picture_is_a_window_wide_with_a_palette():
    for path in FOLDER.iterdir():
        with Image.open(path) as picture:
            assert (picture.width, picture.mode) == (WIDTH, "P"), path.name


def test_the_record_on_the_page_is_the_kept_one():
    record = json.loads(KEPT.read_text())
    assert with_record(TEXT, record) == TEXT
    said = " ".join(row["what"] for row in record)
    assert all(word in said for word in ("alert", "promotion gate: yes", "promote 1 to 2", "rollback 2 to 1"))


def test_a_record_takes_the_place_of_the_one_before():
    row = {"day": "2013-04-11", "what": "alert, warning", "why": "weather is missing"}
    made = with_record(f"before\n{MARK}\nold\n{END}\nafter\n", [row])
    assert made.startswith("before\n")
    assert made.endswith(f"| 2013-04-11 | alert, warning | weather is missing |\n\n{END}\nafter\n")
    assert "old" not in made


def test_a_palette_keeps_what_a_page_shows():
    page = Image.new("RGB", (400, 200), "#ffffff")
    ImageDraw.Draw(page).rectangle((20, 20, 120, 90), fill="#0b5d8f")
    written = io.BytesIO()
    page.save(written, "PNG")
    small = Image.open(io.BytesIO(with_palette(written.getvalue())))
    assert small.mode == "P"
    assert small.convert("RGB").getpixel((60, 60)) == (0x0B, 0x5D, 0x8F)
    assert small.convert("RGB").getpixel((300, 150)) == (255, 255, 255)
