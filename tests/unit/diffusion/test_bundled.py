"""The bundled flow of faces: what its card says, and what it still makes."""

import torch

from imagegen_lessons import diffusion, metrics, networks, runtime
from imagegen_lessons.synthetic import faces
from imagegen_lessons.training import checkpoint


def test_it_makes_people_of_many_classes_in_five_steps():
    flow = checkpoint.load_network("faces_flow", diffusion.ConditionalUNet((6, 6, 2), widths=(48, 96, 128)))
    z = torch.randn(120, 3, 32, 32, generator=runtime.generator(5))
    x = (diffusion.sample(flow, z, 5) / 2 + 0.5).clamp(0, 1)
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    classes = metrics.class_coverage(classifier.class_index(x), faces.CLASSES)
    assert classes >= 45  # 120 real ones have about 58


def test_with_guidance_it_obeys():
    flow = checkpoint.load_network("faces_flow", diffusion.ConditionalUNet((6, 6, 2), widths=(48, 96, 128)))
    y = torch.stack([torch.arange(36) % 6, torch.arange(36) // 6, torch.arange(36) % 2], dim=1)
    z = torch.randn(36, 3, 32, 32, generator=runtime.generator(6))
    x = (diffusion.sample(diffusion.guided(flow, y, 2.0), z, 8) / 2 + 0.5).clamp(0, 1)
    classifier = checkpoint.load_network("faces_classifier", networks.FaceClassifier())
    seen = classifier.predict(x)
    for column, name in enumerate(("skin_tone", "hair_colour", "glasses")):
        assert (seen[name] == y[:, column]).float().mean() >= 0.9
