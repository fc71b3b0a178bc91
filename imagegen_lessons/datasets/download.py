"""Downloads that end well or not at all: a checksum, a time limit, one line of progress, no broken file."""

import errno
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from imagegen_lessons import runtime

TIMEOUT = (10, 30)  # seconds to connect, seconds of silence
_AGAIN = "nothing was kept, so run the cell again in a while"


class DownloadError(ValueError):
    """Data could not be had; the message is one sentence that says why and what to do."""


class _Progress:
    """One line that says how much has come, in the form that pooch's downloaders call."""

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


def intact(path: Path, checksum: str) -> bool:
    """True where `path` is a file with this checksum, "sha256:…" or "md5:…"."""
    import pooch

    algorithm, _, wanted = checksum.partition(":")
    return path.is_file() and pooch.file_hash(str(path), alg=algorithm) == wanted


def retrieve(url: str, path: Path, checksum: str, title: str) -> Path:
    """Downloads `url` to `path`, unless it is there already with this checksum; returns the path.

    `checksum`: "sha256:…" or "md5:…". `title`: what messages call it. The file is written in a folder of its
    own and moved to its place only when its checksum is right: whatever goes wrong, no half file is left.
    Raises DownloadError, in one sentence.
    """
    if intact(path, checksum):
        return path
    import pooch
    import requests

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it was there, but damaged
        with tempfile.TemporaryDirectory(prefix=".download-", dir=path.parent) as folder:
            part = Path(folder) / path.name
            fetch = pooch.HTTPDownloader(progressbar=_Progress(title), chunk_size=2**16, timeout=TIMEOUT)
            fetch(url, str(part), None)
            if not intact(part, checksum):
                raise DownloadError(f"{title} arrived cut off or changed; {_AGAIN}.")
            os.replace(part, path)
    except (requests.RequestException, OSError) as error:
        raise DownloadError(f"{title} could not be downloaded: {_reason(error, url)}.") from None
    return path


def _reason(error: OSError, url: str) -> str:
    import requests

    host = urlsplit(url).hostname
    if isinstance(error, requests.HTTPError):
        return f"{host} answered with error {error.response.status_code}; {_AGAIN}"
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return f"{host} cannot be reached; connect to the internet, then run the cell again"
    if isinstance(error, requests.RequestException):
        return f"the connection to {host} broke off; {_AGAIN}"
    if error.errno == errno.ENOSPC:
        return "the disk is full; make room, then run the cell again"
    return f"it cannot be stored ({error.strerror or type(error).__name__}); see IMAGEGEN_CACHE in data/README.md"


@dataclass(frozen=True)
class Download:
    """A single file on the network: what it is, its address (a fixed version), its sha256, its licence."""

    title: str
    url: str
    sha256: str
    licence: str


_JOHNSON = "https://raw.githubusercontent.com/jcjohnson"
_INPUTS = f"{_JOHNSON}/neural-style/07c4b8299f8fbdafec0c514fc820ff1d7ff62e46/examples/inputs"
_STYLES = f"{_JOHNSON}/fast-neural-style/813c83441953ead2adb3f65f4cc2d5599d735fa7/images/styles"
_OLD = "public domain (photograph of a painting whose author died over 70 years ago)"
DOWNLOADS = MappingProxyType(
    {
        "starry_night": Download(
            "van Gogh, The Starry Night (1889)",
            f"{_INPUTS}/starry_night_google.jpg",
            "c31741a09141c2e2d07fc7aa6bdf135c369b804f9433e43fa3ceac19386d1ee6",
            _OLD,
        ),
        "wave": Download(
            "Hokusai, The Great Wave off Kanagawa (1831)",
            f"{_STYLES}/wave.jpg",
            "14bcf58a39b7095168f27756d76d0c615bb8954acc5eae9e62c66a9684c2ee2b",
            _OLD,
        ),
        "the_scream": Download(
            "Munch, The Scream (1893)",
            f"{_INPUTS}/the_scream.jpg",
            "f3075cddeb974a9ee1d6418f7f33fd05185a7ac7dcb4288bd2805d499a9dcaee",
            _OLD,
        ),
        "shipwreck": Download(
            "Turner, The Shipwreck (1805)",
            f"{_INPUTS}/shipwreck.jpg",
            "4f7cf34e3cd4a5daaf3f421f059ca9a01aaa2a3afd7243d6670c9c8bc001a213",
            _OLD,
        ),
        "composition_vii": Download(
            "Kandinsky, Composition VII (1913)",
            f"{_STYLES}/composition_vii.jpg",
            "8f992ed4aecd6dd56972d7bc8166761de7c94e670ee6effa8fd05f3daeb33409",
            _OLD,
        ),
    }
)


def fetch(name: str) -> Path:
    """Downloads the file `name` of DOWNLOADS into the cache, unless it is there; returns its path.

    Raises ValueError for an unknown name, and DownloadError, in one sentence, where it cannot be had.
    """
    if name not in DOWNLOADS:
        raise ValueError(f"There is no download {name!r}; it can be {', '.join(DOWNLOADS)}.")
    entry = DOWNLOADS[name]
    path = runtime.cache_dir() / (name + Path(entry.url).suffix)
    return retrieve(entry.url, path, f"sha256:{entry.sha256}", entry.title)
