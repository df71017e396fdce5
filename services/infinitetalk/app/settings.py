"""Every setting of the service: an environment variable each, checked at start."""
import os
import pathlib
from dataclasses import dataclass

SOURCE = pathlib.Path("/opt/infinitetalk")
SIZES = ("infinitetalk-480", "infinitetalk-720")


class SettingError(ValueError):
    """A setting that cannot be used: the message names the variable, the rule and the value."""


def _number(name, default, low, high):
    text = os.environ.get(name) or str(default)
    try:
        value = int(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        raise SettingError(f"{name} must be a whole number from {low} to {high}, got {text!r}")
    return value


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    # Folder with the three models, named as InfiniteTalk's README names them.
    models: pathlib.Path
    # Where uploads and finished videos lie.
    work: pathlib.Path
    size: str
    sample_steps: int
    # Parameters kept on the GPU; 0 = as few as possible, -1 = InfiniteTalk's own choice.
    persistent_parameters: int
    # Jobs that wait beside the one at work; one more is refused with 503.
    queue_size: int
    max_upload_mb: int
    stop_seconds: int

    @property
    def weights(self):
        """The option of InfiniteTalk's command for each model, and its place."""
        return {
            "ckpt_dir": self.models / "Wan2.1-I2V-14B-480P",
            "wav2vec_dir": self.models / "chinese-wav2vec2-base",
            "infinitetalk_dir": self.models / "InfiniteTalk/single/infinitetalk.safetensors",
        }


def load():
    """The settings from the environment. Raises SettingError."""
    size = os.environ.get("SIZE") or SIZES[0]
    if size not in SIZES:
        raise SettingError(f"SIZE must be one of {', '.join(SIZES)}, got {size!r}")
    return Settings(
        host=os.environ.get("HOST") or "0.0.0.0",
        port=_number("PORT", 8000, 1, 65535),
        models=pathlib.Path(os.environ.get("MODELS") or "/models"),
        work=pathlib.Path(os.environ.get("WORK") or "/cache/infinitetalk"),
        size=size,
        sample_steps=_number("SAMPLE_STEPS", 40, 1, 200),
        persistent_parameters=_number("PERSISTENT_PARAMETERS", -1, -1, 10**12),
        queue_size=_number("QUEUE_SIZE", 4, 0, 10_000),
        max_upload_mb=_number("MAX_UPLOAD_MB", 200, 1, 100_000),
        stop_seconds=_number("STOP_SECONDS", 10, 0, 3600),
    )
