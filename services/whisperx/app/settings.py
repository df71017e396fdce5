"""Every setting of the service: an environment variable each, checked at start."""
import os
import pathlib
from dataclasses import dataclass


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
    # Folder with a model converted by CTranslate2, or a model's name on the Hugging Face Hub ("large-v3").
    model: str
    # Folder with a wav2vec2 model for times of single words; "" = times of segments only.
    align_model: str
    device: str
    # CTranslate2's word, e.g. "float16", "int8"; "auto" = float16 on a GPU, int8 on a CPU.
    compute_type: str
    batch_size: int
    # Requests that wait beside the one at work; one more is refused with 503.
    queue_size: int
    max_upload_mb: int
    # Seconds that requests at work get to finish after SIGTERM.
    stop_seconds: int

    @property
    def model_is_local(self):
        """A path, as against a name on the Hub."""
        return self.model.startswith(("/", "."))

    def missing(self):
        """What is missing of the local models, in one sentence; None when all is there."""
        for name, folder, files in (
            # Without tokenizer.json faster-whisper would ask the Hub for it.
            ("MODEL", self.model if self.model_is_local else "", ("model.bin", "tokenizer.json")),
            ("ALIGN_MODEL", self.align_model, ("config.json",)),
        ):
            if not folder:
                continue
            if not pathlib.Path(folder).is_dir():
                return f"{name}={folder}: there is no such folder; put the model there (README, Models) or set {name}"
            lacking = [file for file in files if not (pathlib.Path(folder) / file).is_file()]
            if lacking:
                return f"{name}={folder}: {', '.join(lacking)} is missing; copy the whole converted model (README, Models)"
        return None


def load():
    """The settings from the environment. Raises SettingError."""
    device = os.environ.get("DEVICE") or "auto"
    if device not in ("auto", "cuda", "cpu"):
        raise SettingError(f"DEVICE must be auto, cuda or cpu, got {device!r}")
    return Settings(
        host=os.environ.get("HOST") or "0.0.0.0",
        port=_number("PORT", 8000, 1, 65535),
        model=os.environ.get("MODEL") or "/models/whisper",
        align_model=os.environ.get("ALIGN_MODEL", ""),
        device=device,
        compute_type=os.environ.get("COMPUTE_TYPE") or "auto",
        batch_size=_number("BATCH_SIZE", 8, 1, 512),
        queue_size=_number("QUEUE_SIZE", 8, 0, 10_000),
        max_upload_mb=_number("MAX_UPLOAD_MB", 500, 1, 100_000),
        stop_seconds=_number("STOP_SECONDS", 30, 0, 3600),
    )
