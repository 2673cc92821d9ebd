"""Make the README's picture from a screenshot of the demo: the product page, cut and compressed to at most 300 kB.

``scripts/picture.py .demo/screenshots/desktop-3-product-1.png docs/images/product-page.jpg``
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from PIL import Image

MOST_BYTES = 300_000
QUALITIES = range(90, 40, -5)


def compressed(image: Image.Image) -> bytes:
    """Return the picture as JPEG, as good as the limit allows."""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() <= MOST_BYTES:
            return buffer.getvalue()
    sys.exit(f"picture: over {MOST_BYTES:,} bytes at any quality; cut it lower with --height")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("screenshot", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--height", type=int, default=1_200, help="pixels kept from the top")
    options = parser.parse_args()
    image = Image.open(options.screenshot).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, options.height)))
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    options.picture.write_bytes(compressed(image))
    print(f"picture: {options.picture} ({options.picture.stat().st_size:,} bytes, {image.width} x {image.height})")


if __name__ == "__main__":
    main()
