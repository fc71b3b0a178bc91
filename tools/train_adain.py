"""Trains lesson 08's decoder: `python -m tools.train_checkpoints adain`.

It learns from the photographs that come with the libraries and from our own paintings, a crop of each at a time: the
feature extractor must see the content where it was, and at each depth the Gram matrix of the painting.
"""

import torch

from imagegen_lessons import datasets, images, runtime, style, training
from imagegen_lessons.networks import features
from imagegen_lessons.synthetic import paintings
from tools.crops import Crops

SIZE, BATCH, STEPS, LARGEST = 128, 4, 3_500, 384


class Pairs(Crops):
    """Endless batches of crops: content, of photographs, and styles, both (BATCH, 3, SIZE, SIZE).

    All styles but the last of a batch are paintings. The last is another photograph, or the content itself, which then
    should come out as it went in.
    """

    def __init__(self, seed):
        super().__init__(seed)
        photos = [datasets.photo(name).expand(-1, 3, -1, -1) for name in datasets.PHOTOS]
        self.photos = [p if max(p.shape[-2:]) <= LARGEST else style.fit_in(p, LARGEST) for p in photos]
        self.paintings = paintings.gallery(400, seed=5, size=256).split(1)

    def __next__(self):
        content = [self._crop(self.photos) for _ in range(BATCH)]
        styles = [self._crop(self.paintings) for _ in range(BATCH - 1)]
        styles += [self._crop(self.photos) if self.pick(2) else content[-1]]
        return tuple(torch.cat(part).to(runtime.device()) for part in (content, styles))

    def _crop(self, pictures):
        picture = pictures[self.pick(len(pictures))]
        return self.crop(picture, SIZE + self.pick(SIZE + 1), SIZE)


def per_picture(value, target):
    """`style.relative_error` for each picture of a batch by itself: (n, …) → (n,)."""
    error, size = (t.square().flatten(1).sum(dim=1) for t in (value - target, target))
    return error / size.clamp(min=1e-8)


def distances(extractor, picture, content, style_maps):
    """How far each picture is from the content (whatever its colours and contrasts) and from the style."""
    with torch.no_grad():
        wanted = style.instance_norm(extractor(content, depth=4)[style.CONTENT_LAYER])
    maps, errors = extractor(picture), []
    for f, seen in zip(maps, style_maps, strict=True):
        mean = seen.mean(dim=(2, 3), keepdim=True)
        errors.append(per_picture(style.gram_matrix(f - mean), style.gram_matrix(seen - mean)))
    seen = style.instance_norm(maps[style.CONTENT_LAYER])
    return {"content": per_picture(seen, wanted), "style": torch.stack(errors).mean(dim=0)}


def adain(seed=0):
    """The trained network, and the figures for its card."""
    extractor = features.load("bundled")
    net = style.AdaINNet(extractor).to(runtime.device(), memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=STEPS, pct_start=0.05)

    def step(batch):
        content, painting = batch
        with torch.no_grad():
            maps = extractor(painting)  # the backbone's channels come first
            code = [
                style.mean_std(f[:, :width]) for f, width in zip(maps[:4], extractor.widths, strict=False)
            ]
        picture = net(content, code)
        terms = distances(extractor, picture, content, maps)
        # A crop of even colour has a Gram matrix of nearly nothing, and any other is thousands of times as large:
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
    history = training.fit(
        step,
        batches,
        STEPS,
        title="adain",
        checkpoint=runtime.output_dir() / "adain.safetensors",  # so that it can be stopped and resumed
        parts={"net": net, "optimizer": optimizer, "schedule": schedule, "batches": batches},
        save_every=60,
    )
    net.eval()
    styles = paintings.gallery(20, seed=0, size=256).to(runtime.device())  # none was in the gallery above
    photos = [
        images.crop_centre(datasets.photo(name), 256).to(runtime.device()) for name in ("cat", "coffee")
    ]
    with torch.no_grad():
        far = [
            distances(extractor, net(content, net.code(painting)), content, extractor(painting))
            for painting in styles.split(1)
            for content in photos
        ]
    figures = {name: round(sum(f[name].item() for f in far) / len(far), 3) for name in ("content", "style")}
    # Half precision: half the bytes, and no difference that could be seen.
    return net.half(), {"steps": history.steps, "seconds": round(history.seconds), **figures}
