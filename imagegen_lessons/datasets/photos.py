"""Photographs inside the installed libraries: no network, each with what it shows, its licence and credit."""

import importlib.util
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

import torch

from imagegen_lessons import images


@dataclass(frozen=True)
class Photo:
    """A picture in a library: what it shows, its licence as the library states it, credit, where it is."""

    shows: str
    licence: str
    credit: str
    file: str
    folder: str = "skimage/data"  # import name of the library, then the folder inside it

    def path(self) -> Path:
        """Its file, found without importing the library; ValueError where it is missing."""
        package, _, inside = self.folder.partition("/")
        spec = importlib.util.find_spec(package)
        for place in spec.submodule_search_locations if spec else ():
            path = Path(place, inside, self.file)
            if path.is_file():
                return path
        library = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[package]
        raise ValueError(f"The picture {self.file} is missing; install {library} again.")


_FREE = "public domain"
_BY = "CC BY 2.0"
_UNKNOWN = "no known restrictions"
_UNSTATED = "not stated"  # for training and measuring, not for publishing
_SKLEARN = "sklearn/datasets/images"

# Only what ships inside the wheels of scikit-image 0.25 and 0.26: its other pictures would be downloaded.
PHOTOS = MappingProxyType(
    {
        "astronaut": Photo("the astronaut Eileen Collins", _FREE, "NASA", "astronaut.png"),
        "brick": Photo("a brick wall, grey", "CC0", "CC0Textures", "brick.png"),
        "camera": Photo("a man at a camera on a tripod, grey", "CC0", "Lav Varshney", "camera.png"),
        "cat": Photo("Chelsea, a tabby cat", "CC0", "Stéfan van der Walt", "chelsea.png"),
        "cell": Photo("a cell in a phase microscope, grey", "CC0", "Paul Müller et al., 2018", "cell.png"),
        "china": Photo("a temple tower in China", _BY, "danielbuechele, Flickr", "china.jpg", _SKLEARN),
        "clock": Photo(
            "a wall clock, blurred by motion, grey", _FREE, "Stéfan van der Walt", "clock_motion.png"
        ),
        "coffee": Photo("a cup of espresso", "CC0", "Rachel Michetti, Pikolo Espresso Bar", "coffee.png"),
        "coins": Photo("Greek coins from Pompeii, grey", _UNKNOWN, "Brooklyn Museum", "coins.png"),
        "flower": Photo("an orange dahlia", _BY, "vultilion, Flickr", "flower.jpg", _SKLEARN),
        "grass": Photo("grass, grey", "CC0", "linolafett, DeviantArt", "grass.png"),
        "gravel": Photo("gravel, grey", "CC0", "CC0Textures", "gravel.png"),
        "horse": Photo("the silhouette of a horse", "CC0", "Andreas Preuss", "horse.png"),
        "hubble": Photo("the Hubble eXtreme Deep Field", _FREE, "NASA", "hubble_deep_field.jpg"),
        "microaneurysms": Photo("a piece of a retina, grey", "CC0", "Andreas Maier", "microaneurysms.png"),
        "moon": Photo("the surface of the moon, grey", _UNSTATED, "scikit-image", "moon.png"),
        "motorcycle": Photo(
            "a motorcycle, left of two views", _UNSTATED, "Middlebury 2014", "motorcycle_left.png"
        ),
        "motorcycle_right": Photo("its right view", _UNSTATED, "Middlebury 2014", "motorcycle_right.png"),
        "page": Photo("a page of print, unevenly lit, grey", _UNSTATED, "scikit-image", "page.png"),
        "retina": Photo("the retina of a healthy eye", "CC0", "Mikael Häggström, 2014", "retina.jpg"),
        "rocket": Photo("a Falcon 9 before its launch", _FREE, "SpaceX", "rocket.jpg"),
        "text": Photo("handwritten formulas, grey", _FREE, "Wikipedia", "text.png"),
        "tissue": Photo("glands of the colon, stained", _UNKNOWN, "CMMI", "ihc.png"),
    }
)


def photo(name: str, size: int | None = None) -> torch.Tensor:
    """The photograph `name` of PHOTOS as an image (1, 3, H, W) in [0, 1]; its longer side at most `size`.

    Raises ValueError for a name that is not in PHOTOS.
    """
    if name not in PHOTOS:
        close = get_close_matches(str(name), PHOTOS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}" if close else "PHOTOS lists them all"
        raise ValueError(f"There is no photo {name!r}; {hint}.")
    return images.load(PHOTOS[name].path(), size=size)
