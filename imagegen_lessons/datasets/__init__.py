"""Pictures to learn from: worlds by name, bundled photographs, downloads on request, the user's own folder; batches."""

from imagegen_lessons.datasets.batches import Batches, RandomStream, split
from imagegen_lessons.datasets.download import DOWNLOADS, DownloadError, fetch
from imagegen_lessons.datasets.folder import folder, folder_with_classes, random_crops
from imagegen_lessons.datasets.photos import PHOTOS, photo
from imagegen_lessons.datasets.real import CIFAR10_LABELS, GARMENTS, cifar10, digits, fashion_mnist
from imagegen_lessons.datasets.worlds import WORLDS, World, world
