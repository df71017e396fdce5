"""The model: loaded in a thread of its own, so that health answers at once. Heavy imports happen there too."""
import logging
import os
import threading
import time

log = logging.getLogger("app")


class NotAudio(ValueError):
    """The upload holds no audio that ffmpeg can read."""


class Transcriber:
    def __init__(self, settings):
        self.settings = settings
        self.ready = False
        # Why it is not ready, for people.
        self.reason = "the model is loading"
        # True when waiting does not help: somebody must change something first.
        self.failed = False
        self.device = None

    def start(self):
        """Begins to load; `ready` or `failed` says how it ended."""
        threading.Thread(target=self._load, name="load-model", daemon=True).start()

    def _load(self):
        started = time.monotonic()
        try:
            missing = self.settings.missing()
            if missing:
                raise FileNotFoundError(missing)
            if self.settings.model_is_local:
                os.environ["HF_HUB_OFFLINE"] = "1"  # read when the libraries are imported, below
            import torch
            import whisperx.alignment
            import whisperx.asr
            import whisperx.audio

            self._whisperx = whisperx
            self.device = self.settings.device
            if self.device == "auto":
                self.device = "cuda" if torch.cuda.is_available() else "cpu"
            kind = self.settings.compute_type
            if kind == "auto":
                kind = "float16" if self.device == "cuda" else "int8"
            self._model = whisperx.asr.load_model(
                self.settings.model, self.device, compute_type=kind, download_root=None if self.settings.model_is_local else "/models",
                local_files_only=self.settings.model_is_local,
            )
            self._aligners = {}
            self.ready, self.reason = True, ""
            log.info("model %s loaded on %s (%s) in %.1f s", self.settings.model, self.device, kind, time.monotonic() - started)
        except Exception as error:  # whatever a model's loading raises: the service stays up and says it
            self.failed, self.reason = True, f"{error}" or type(error).__name__
            log.error("the model could not be loaded: %s", self.reason, exc_info=not isinstance(error, FileNotFoundError))

    def transcribe(self, path, language=None):
        """Text with times of the audio in a file. Raises NotAudio."""
        started = time.monotonic()
        try:
            audio = self._whisperx.audio.load_audio(path)
        except RuntimeError as error:
            raise NotAudio("ffmpeg finds no audio in the upload") from error
        if len(audio) == 0:
            raise NotAudio("the upload's audio is empty")
        result = self._model.transcribe(audio, batch_size=self.settings.batch_size, language=language)
        segments = result["segments"]
        if self.settings.align_model and segments:
            segments = self._align(segments, audio, result["language"])
        return {
            "language": result["language"],
            "duration": round(len(audio) / self._whisperx.audio.SAMPLE_RATE, 3),
            "segments": segments,
            "seconds": round(time.monotonic() - started, 3),
        }

    def _align(self, segments, audio, language):
        alignment = self._whisperx.alignment
        if language not in self._aligners:
            self._aligners[language] = alignment.load_align_model(language, self.device, model_name=self.settings.align_model)
        model, metadata = self._aligners[language]
        return alignment.align(segments, model, metadata, audio, self.device)["segments"]
