"""The HTTP interface: POST /transcribe, GET /healthz (alive), GET /readyz (model loaded)."""
import contextlib
import re
import shutil
import tempfile

from fastapi import FastAPI, Form, HTTPException, UploadFile
from fastapi.responses import JSONResponse

from . import settings as settings_module
from .limits import QueueFull, RefuseEarly, WorkQueue
from .transcriber import NotAudio, Transcriber


def create(settings=None):
    """The application; settings from the environment unless given."""
    settings = settings or settings_module.load()
    transcriber = Transcriber(settings)
    queue = WorkQueue(settings.queue_size)

    @contextlib.asynccontextmanager
    async def lifespan(_):
        transcriber.start()
        yield
        queue.close()

    app = FastAPI(title="WhisperX", lifespan=lifespan)
    app.add_middleware(RefuseEarly, path="/transcribe", max_bytes=settings.max_upload_mb * 1_000_000, queue=queue)

    @app.get("/healthz")
    def healthz():
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz():
        if transcriber.ready:
            return {"ready": True, "model": settings.model, "device": transcriber.device, "queued": queue.count}
        return JSONResponse({"ready": False, "failed": transcriber.failed, "reason": transcriber.reason}, 503)

    @app.post("/transcribe")
    async def transcribe(file: UploadFile, language: str | None = Form(None)):
        if not transcriber.ready:
            raise HTTPException(503, transcriber.reason, None if transcriber.failed else {"Retry-After": "5"})
        if language is not None and not re.fullmatch("[a-z]{2,3}", language):
            raise HTTPException(422, f"language must be a code such as en, got {language!r}")
        with tempfile.NamedTemporaryFile() as copy:  # ffmpeg wants a file with a name
            shutil.copyfileobj(file.file, copy)
            copy.flush()
            try:
                return await queue.run(transcriber.transcribe, copy.name, language)
            except QueueFull as full:
                raise HTTPException(503, str(full), {"Retry-After": str(full.retry_after)})
            except NotAudio as error:
                raise HTTPException(422, str(error))

    return app
