"""Pictures in the notebook. Every one carries alt text, and is stored small.

Pictures are published as an HTML `<img alt=…>`, because that is the one form whose alt text reaches a screen
reader in JupyterLab, Colab and nbconvert alike.
"""

import base64
import io
from html import escape

import torch

from imagegen_lessons import images, runtime

MAX_WIDTH = 900  # pixels, about the width of a notebook's output area
GAP = 2  # pixels between pictures
TILE = 96  # pixels, what a small picture is enlarged to


def require_alt(alt: str) -> None:
    """Raises ValueError when `alt` says nothing."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("A picture needs alt text: say in a sentence what there is to see.")


def kind(data: bytes) -> str:
    """ "png" or "jpeg", from the first bytes of a picture file."""
    return "png" if data.startswith(b"\x89PNG") else "jpeg"


def img_tag(data: bytes, alt: str, width: int | None = None) -> str:
    """The HTML of one embedded picture; `data` are the bytes of a JPEG or PNG file."""
    require_alt(alt)
    size = f' width="{width}"' if width else ""
    return f'<img alt="{escape(alt)}"{size} src="data:image/{kind(data)};base64,{base64.b64encode(data).decode()}">'


def publish(html: str, alt: str) -> None:
    """Displays `html` with `alt` as its plain text; outside a notebook prints the alt text alone."""
    require_alt(alt)
    if not runtime.in_notebook():
        print(f"[picture: {alt}]")
        return
    from IPython.display import display

    display({"text/html": html, "text/plain": alt}, raw=True)


def picture(data: bytes, alt: str) -> None:
    """Shows a picture that already is the bytes of a JPEG or PNG file."""
    publish(img_tag(data, alt), alt)


def to_jpeg(image: torch.Tensor, quality: int = 90) -> bytes:
    """One image (3, H, W) or (1, 3, H, W) in [0, 1] as the bytes of a JPEG file."""
    return images.to_bytes(image, "JPEG", quality=quality)


def _enlarge(x: torch.Tensor, scale: int) -> torch.Tensor:
    return x.repeat_interleave(scale, -1).repeat_interleave(scale, -2)  # every pixel stays a visible square


def _fit(x: torch.Tensor, width: int) -> torch.Tensor:
    """The images shrunk to `width` where they are wider."""
    if x.shape[-1] <= width:
        return x
    return images.resize(x, (max(1, round(x.shape[-2] * width / x.shape[-1])), width))


def _smallest(image: torch.Tensor) -> bytes:
    """PNG where it is smaller (drawings, enlarged pixels), else JPEG."""
    return min(images.to_bytes(image, "PNG"), to_jpeg(image, 75), key=len)


def _batch(pictures) -> torch.Tensor:
    """Pictures (n, C, H, W), (C, H, W) or a list of either as one checked batch (n, C, H, W) on the CPU."""
    if not isinstance(pictures, list | tuple):
        pictures = [pictures]
    floats = [p.detach().float().cpu() if isinstance(p, torch.Tensor) else p for p in pictures]
    checked = [images.check(x) for x in floats]  # before anything is made of them: its advice is about these
    if len({x.shape[-2:] for x in checked}) != 1:
        raise images.ImageError("Pictures of one size are needed, at least one; resize them or use compare.")
    colours = max(x.shape[-3] for x in checked)
    return torch.cat([(x if x.dim() == 4 else x[None]).expand(-1, colours, -1, -1) for x in checked])


def show_images(pictures, alt: str, *, columns: int | None = None, scale: int | None = None) -> None:
    """Shows images (n, C, H, W), (C, H, W) or a list of equal-sized ones as one grid.

    Values outside [0, 1] raise `images.ImageError`. Small pictures are enlarged by a whole factor, `scale`,
    so that their pixels stay square and sharp; what would be wider than MAX_WIDTH is shrunk to it.
    """
    x = _batch(pictures)
    columns = columns or min(len(x), 8 if x.shape[-1] <= 64 else 4)
    if scale is None:
        room = (MAX_WIDTH + GAP) // columns - GAP  # for each picture
        scale = max(1, min(TILE, room) // x.shape[-1])
    grid = _fit(images.grid(_enlarge(x, scale), columns=columns, gap=GAP), MAX_WIDTH)
    publish(img_tag(_smallest(grid), alt), alt)


def compare(pictures: dict[str, torch.Tensor], alt: str, *, scale: int | None = None, width=220) -> None:
    """Shows pictures side by side, each above its name. `pictures`: name -> (C, H, W) or (n, C, H, W).

    Each is enlarged by a whole factor (`scale`) or shrunk, to about `width` pixels.
    """
    require_alt(alt)
    figures = []
    for name, picture in pictures.items():
        x = _fit(images.grid(_batch(picture)), width)
        factor = scale or max(1, width // x.shape[-1])
        tag = img_tag(_smallest(_enlarge(x, factor)), f"{name}: {alt}")
        figures.append(
            f'<figure style="display:inline-block;margin:4px;vertical-align:top">{tag}'
            f"<figcaption>{escape(name)}</figcaption></figure>"
        )
    publish("<div>" + "".join(figures) + "</div>", f"{alt} ({', '.join(pictures)})")


def figure_png(fig) -> bytes:
    """A matplotlib figure as the bytes of a PNG file; the figure is closed."""
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    plt.close(fig)
    return buffer.getvalue()


def figure(fig, alt: str) -> None:
    """Shows a matplotlib figure with alt text, and closes it."""
    picture(figure_png(fig), alt)
