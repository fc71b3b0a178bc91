"""Downloads on request: a checksum, a time limit, a line of progress, and one sentence where they fail."""

import errno
import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from imagegen_lessons import runtime

TIMEOUT = 30  # seconds of silence


class DownloadError(ValueError):
    """Data could not be had; the message is one sentence that says why and what to do."""


@contextmanager
def time_limit(seconds: float):
    """Within it, a downloader that sets no limit of its own, and would wait for ever, gives up after this silence."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@dataclass(frozen=True)
class Download:
    """A single file on the network: what it is, its address (a fixed version), its SHA-256, its licence."""

    title: str
    url: str
    sha256: str
    licence: str = "public domain (photograph of a painting whose author died over 70 years ago)"


_JOHNSON = "https://raw.githubusercontent.com/jcjohnson"
_INPUTS = f"{_JOHNSON}/neural-style/07c4b8299f8fbdafec0c514fc820ff1d7ff62e46/examples/inputs"
_STYLES = f"{_JOHNSON}/fast-neural-style/813c83441953ead2adb3f65f4cc2d5599d735fa7/images/styles"
DOWNLOADS = MappingProxyType(
    {
        "starry_night": Download(
            "van Gogh, The Starry Night (1889)",
            f"{_INPUTS}/starry_night_google.jpg",
            "c31741a09141c2e2d07fc7aa6bdf135c369b804f9433e43fa3ceac19386d1ee6",
        ),
        "wave": Download(
            "Hokusai, The Great Wave off Kanagawa (1831)",
            f"{_STYLES}/wave.jpg",
            "14bcf58a39b7095168f27756d76d0c615bb8954acc5eae9e62c66a9684c2ee2b",
        ),
        "the_scream": Download(
            "Munch, The Scream (1893)",
            f"{_INPUTS}/the_scream.jpg",
            "f3075cddeb974a9ee1d6418f7f33fd05185a7ac7dcb4288bd2805d499a9dcaee",
        ),
        "shipwreck": Download(
            "Turner, The Shipwreck (1805)",
            f"{_INPUTS}/shipwreck.jpg",
            "4f7cf34e3cd4a5daaf3f421f059ca9a01aaa2a3afd7243d6670c9c8bc001a213",
        ),
        "composition_vii": Download(
            "Kandinsky, Composition VII (1913)",
            f"{_STYLES}/composition_vii.jpg",
            "8f992ed4aecd6dd56972d7bc8166761de7c94e670ee6effa8fd05f3daeb33409",
        ),
    }
)


def fetch(name: str) -> Path:
    """Downloads the file `name` of DOWNLOADS into the cache, unless it is there; returns its path.

    Raises ValueError for an unknown name, and DownloadError where it cannot be had; then no file is left.
    """
    import pooch

    if name not in DOWNLOADS:
        raise ValueError(f"There is no download {name!r}; it can be {', '.join(DOWNLOADS)}.")
    entry = DOWNLOADS[name]
    pooch.get_logger().setLevel(logging.WARNING)  # it would print the address and the path
    loader = pooch.HTTPDownloader(progressbar=_Progress(entry.title), chunk_size=2**16, timeout=TIMEOUT)
    try:
        file = name + Path(entry.url).suffix
        return Path(pooch.retrieve(entry.url, entry.sha256, file, runtime.cache_dir(), downloader=loader))
    except (OSError, ValueError) as error:
        raise explained(entry.title, error) from None


class _Progress:
    """One line that says how much has come, in the form that pooch calls."""

    def __init__(self, title: str):
        self.title, self.total, self.done, self.shown = title, 0, 0, None

    def update(self, count: int) -> None:
        self.done += count
        percent = 5 * (20 * min(self.done, self.total) // self.total) if self.total else 0
        if percent != self.shown:  # every 5 %, as each goes into the notebook's stored output
            self.shown = percent
            print(f"\rDownloading {self.title}: {percent} % of {self.total / 1e6:.1f} MB", end="", flush=True)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        print()


def explained(title: str, error: Exception) -> DownloadError:
    """What a downloader of pooch's or torchvision's raised, in one sentence for the student."""
    status = getattr(error, "code", None) or getattr(getattr(error, "response", None), "status_code", None)
    number = None if isinstance(error, ConnectionError | TimeoutError) else getattr(error, "errno", None)
    if status:
        reason = f"the server answered with error {status}; run the cell again in a while"
    elif "match the known hash" in str(error) or "corrupted" in str(error):
        reason = "it arrived cut off or changed; run the cell again in a while"
    elif number == errno.ENOSPC:
        reason = "the disk is full; make room, then run the cell again"
    elif number:
        reason = f"it cannot be stored ({error.strerror}); see IMAGEGEN_CACHE in data/README.md"
    else:
        reason = "the server cannot be reached; connect to the internet, then run the cell again"
    return DownloadError(f"{title} could not be downloaded: {reason}.")
