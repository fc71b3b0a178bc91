"""Image tensors: decoding files, checking, resizing, joining, saving. One value range for the whole course."""

from imagegen_lessons.images.decode import ImageError, load
from imagegen_lessons.images.save import save, save_frames, write
from imagegen_lessons.images.tensors import batch, check, crop_centre, grid, resize, to_bytes, to_pil
