"""Pictures in the notebook. Every one carries alt text, and is stored small.

Pictures are published as an HTML `<img alt=…>`, because that is the one form whose alt text reaches a screen
reader in JupyterLab, Colab and nbconvert alike.
"""

import base64
import io
from html import escape

import torch
from PIL import Image

from imagegen_lessons import images, runtime

MAX_WIDTH = 900  # pixels, about the width of a notebook's output area
GAP = 2  # pixels between pictures
TILE = 96  # pixels, what a small picture is enlarged to
# Shares of pixels that are like their left neighbour.
FLAT = 0.8  # from there on, PNG is about as small as JPEG
# From there on, every pixel is a square: a PNG with 128 colours is often smaller than a JPEG, and truer.
ENLARGED = 0.45


def require_alt(alt: str) -> None:
    """Raises ValueError when `alt` says nothing."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("A picture needs alt text: say in a sentence what there is to see.")


def img_tag(data: bytes, alt: str, format: str = "jpeg") -> str:
    """The HTML of one embedded picture; `data` are the bytes of a file of this `format`, "jpeg" or "png"."""
    require_alt(alt)
    return f'<img alt="{escape(alt)}" src="data:image/{format};base64,{base64.b64encode(data).decode()}">'


def publish(html: str, alt: str) -> None:
    """Displays `html` with `alt` as its plain text; outside a notebook prints the alt text alone."""
    require_alt(alt)
    if not runtime.in_notebook():
        print(f"[picture: {alt}]")
        return
    from IPython.display import display

    display({"text/html": html, "text/plain": alt}, raw=True)


def encode(picture) -> tuple[bytes, str]:
    """A picture for the screen as the bytes of a file and its format, "png" or "jpeg".

    `picture`: an image tensor (C, H, W) or (n, C, H, W), a matplotlib figure, which is closed, or such bytes.
    Raises TypeError for anything else.
    """
    if isinstance(picture, bytes):  # brought along, and only their first bytes say what they are
        return picture, "png" if picture.startswith(b"\x89PNG") else "jpeg"
    if isinstance(picture, torch.Tensor):
        x = images.batch(picture)
        return images.to_bytes(x if len(x) == 1 else images.grid(x), "JPEG"), "jpeg"
    if not hasattr(picture, "savefig"):
        raise TypeError(f"A picture is an image tensor, a figure, or a file's bytes, not {type(picture)}.")
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    picture.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    plt.close(picture)
    return with_palette(Image.open(buffer).convert("RGB"), colours=64), "png"


def with_palette(picture: Image.Image, colours: int) -> bytes:
    """The bytes of a PNG file that knows so many colours: for a drawing a third of the bytes."""
    buffer = io.BytesIO()
    picture.quantize(colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def picture(picture, alt: str) -> None:
    """Shows one picture: what `encode` takes."""
    require_alt(alt)
    data, format = encode(picture)
    publish(img_tag(data, alt, format), alt)


def enlarge(x: torch.Tensor, scale: int) -> torch.Tensor:
    """The images by a whole factor larger: every pixel stays a visible square."""
    return x.repeat_interleave(scale, -1).repeat_interleave(scale, -2)


def _fit(x: torch.Tensor, width: int) -> torch.Tensor:
    """The images shrunk to `width` where they are wider."""
    if x.shape[-1] <= width:
        return x
    return images.resize(x, (max(1, round(x.shape[-2] * width / x.shape[-1])), width))


def _small_tag(image: torch.Tensor, alt: str) -> str:
    """The picture as an exact PNG where most pixels are like their neighbours (drawings), else as a JPEG.

    Where every pixel is a square, a PNG with 128 colours takes the JPEG's place if it is smaller.
    """
    x = (255 * image).round()
    alike = (x[..., 1:] == x[..., :-1]).all(dim=-3).float().mean()
    if alike > FLAT:
        return img_tag(images.to_bytes(image, "PNG"), alt, "png")
    data = images.to_bytes(image, "JPEG", quality=75)
    if alike > ENLARGED:
        data = min(data, with_palette(images.to_pil(image), colours=128), key=len)
    data, format = encode(data)
    return img_tag(data, alt, format)


def show_images(pictures, alt: str, *, columns: int | None = None, scale: int | None = None) -> None:
    """Shows images (n, C, H, W), (C, H, W) or a list of equal-sized ones as one grid.

    Values outside [0, 1] raise `images.ImageError`. Small pictures are enlarged by a whole factor, `scale`,
    so that their pixels stay square and sharp; what would be wider than MAX_WIDTH is shrunk to it.
    """
    x = images.batch(pictures)
    columns = columns or min(len(x), 8 if x.shape[-1] <= 64 else 4)
    if scale is None:
        room = (MAX_WIDTH + GAP) // columns - GAP  # for each picture
        scale = max(1, min(TILE, room) // x.shape[-1])
    grid = _fit(images.grid(enlarge(x, scale), columns=columns, gap=GAP), MAX_WIDTH)
    publish(_small_tag(grid, alt), alt)


def compare(pictures: dict[str, torch.Tensor], alt: str, *, scale: int | None = None, width=220) -> None:
    """Shows pictures side by side, each above its name. `pictures`: name -> (C, H, W) or (n, C, H, W).

    Each is enlarged by a whole factor (`scale`) or shrunk, to about `width` pixels.
    """
    sheets = {name: _fit(images.grid(picture), width) for name, picture in pictures.items()}
    sheets = {name: enlarge(x, scale or max(1, width // x.shape[-1])) for name, x in sheets.items()}
    _publish_named(sheets, alt, "display:inline-block;margin:4px;vertical-align:top")


def show_rows(rows: dict[str, torch.Tensor], alt: str, *, scale: int = 2) -> None:
    """Shows rows of pictures under each other, each to the right of its name. `rows`: name -> images (n, C, H, W)."""
    sheets = {
        name: _fit(images.grid(enlarge(images.batch(x), scale), columns=len(x), gap=GAP), MAX_WIDTH)
        for name, x in rows.items()
    }
    row = "display:flex;flex-direction:row-reverse;justify-content:flex-end;align-items:center;margin:4px 0"
    _publish_named(sheets, alt, row, caption="flex:0 0 9em")


def _publish_named(sheets: dict[str, torch.Tensor], alt: str, style: str, caption: str = "") -> None:
    """Publishes each picture (1, C, H, W) with its name as caption, in a figure of this CSS style."""
    require_alt(alt)
    figures = [
        f'<figure style="{style}">{_small_tag(x, f"{name}: {alt}")}'
        f'<figcaption style="{caption}">{escape(name)}</figcaption></figure>'
        for name, x in sheets.items()
    ]
    publish("<div>" + "".join(figures) + "</div>", f"{alt} ({', '.join(sheets)})")
