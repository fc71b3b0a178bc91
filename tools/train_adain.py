"""The recipe of lesson 08's decoder: `python -m tools.train_checkpoints any_style`.

It learns from the photographs that come with the libraries and from our own paintings, one piece of each at a time:
the eye must see the content where it was, and at each of its depths the correlations of the painting.
"""

import torch

from imagegen_lessons import datasets, images, runtime, style, training
from imagegen_lessons.networks import features
from imagegen_lessons.synthetic import paintings
from tools.crops import Pieces

SIZE, BATCH, STEPS, LARGEST = 128, 4, 3_500, 384


class Pairs(Pieces):
    """Endless batches of pieces: of photographs, and of what they are to look like, both (BATCH, 3, SIZE, SIZE).

    All styles but the last of a batch are paintings. The last is another photograph, or the piece itself, which then
    should come out as it went in.
    """

    def __init__(self, seed: int):
        super().__init__(seed)
        photos = [datasets.photo(name).expand(-1, 3, -1, -1) for name in datasets.PHOTOS]
        self.photos = [p if max(p.shape[-2:]) <= LARGEST else style.fit_in(p, LARGEST) for p in photos]
        self.paintings = paintings.gallery(400, seed=5, size=256).split(1)

    def __next__(self) -> tuple[torch.Tensor, torch.Tensor]:
        content = [self._piece(self.photos) for _ in range(BATCH)]
        looks = [self._piece(self.paintings) for _ in range(BATCH - 1)]
        looks += [self._piece(self.photos) if self.pick(2) else content[-1]]
        return tuple(torch.cat(part).to(runtime.device()) for part in (content, looks))

    def _piece(self, pictures) -> torch.Tensor:
        picture = pictures[self.pick(len(pictures))]
        return self.cut(picture, SIZE + self.pick(SIZE + 1), SIZE)


def per_picture(value: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """`style.relative_error` for each picture of a batch by itself: (n, …) → (n,)."""
    error, size = (t.square().flatten(1).sum(dim=1) for t in (value - target, target))
    return error / size.clamp(min=1e-8)


def distances(extractor, picture, content, look_maps) -> dict[str, torch.Tensor]:
    """How far each picture is from the content (whatever its colours and contrasts) and from the look of another."""
    with torch.no_grad():
        wanted = style.instance_norm(extractor(content, depth=4)[style.CONTENT_LAYER])
    maps, errors = extractor(picture), []
    for f, seen in zip(maps, look_maps, strict=True):
        mean = seen.mean(dim=(2, 3), keepdim=True)
        errors.append(per_picture(style.gram_matrix(f - mean), style.gram_matrix(seen - mean)))
    seen = style.instance_norm(maps[style.CONTENT_LAYER])
    return {"content": per_picture(seen, wanted), "style": torch.stack(errors).mean(dim=0)}


def any_style(seed: int = 0) -> tuple[torch.nn.Module, dict]:
    extractor = features.load("bundled")
    net = style.AdaINNet(extractor).to(runtime.device(), memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=STEPS, pct_start=0.05)

    def step(batch):
        content, look = batch
        with torch.no_grad():
            maps = extractor(look)
            code = [
                style.mean_std(f[:, :width]) for f, width in zip(maps, extractor.widths[:4], strict=False)
            ]
        picture = net(content, code)
        terms = distances(extractor, picture, content, maps)
        # A piece of even colour has a Gram matrix of nearly nothing, and any other is thousands of times as large:
        # through the logarithm, it does not outvote all others.
        terms = {"content": terms["content"].mean(), "style": terms["style"].log1p().mean()}
        loss = terms["content"] + 4 * terms["style"] + style.total_variation(picture)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        return terms

    batches = Pairs(seed)
    saving = dict(
        checkpoint=runtime.output_dir() / "adain.safetensors",  # so that it can be stopped and resumed
        parts={"net": net, "optimizer": optimizer, "schedule": schedule, "batches": batches},
        save_every=60,
    )
    history = training.fit(step, batches, STEPS, title="adain", **saving)
    net.eval()
    looks = paintings.gallery(20, seed=0, size=256).to(runtime.device())  # none hung in the gallery above
    photos = [
        images.crop_centre(datasets.photo(name), 256).to(runtime.device()) for name in ("cat", "coffee")
    ]
    with torch.no_grad():
        far = [
            distances(extractor, net(content, net.code(look)), content, extractor(look))
            for look in looks.split(1)
            for content in photos
        ]
    figures = {name: round(sum(f[name].item() for f in far) / len(far), 3) for name in ("content", "style")}
    # Half precision: half the bytes, and no difference that could be seen.
    return net.half(), {"steps": history.steps, "seconds": round(history.seconds), **figures}
