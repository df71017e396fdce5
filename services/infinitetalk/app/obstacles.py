"""Why this machine cannot generate: looked up at start, said by /readyz and by every refusal."""
import importlib.util

from .settings import SOURCE


def obstacles(settings):
    """One sentence for each thing that is missing; an empty list where videos can be generated."""
    import torch

    found = []
    if (SOURCE / "STAND-IN").exists():
        found.append("the image was built on a stand-in for InfiniteTalk's source: build it with SOURCE=upstream")
    if not torch.cuda.is_available():
        found.append("no GPU is visible: start the container with --gpus all (compose.yaml does)")
    if importlib.util.find_spec("flash_attn") is None:
        found.append("flash-attn is not in the image: build it with FLASH_ATTN=wheel or FLASH_ATTN=source")
    for option, place in settings.weights.items():
        if not place.exists():
            found.append(f"{option}: {place} does not exist; README, Models, tells what to download")
    return found
