"""The HTTP interface: POST /plan, POST /generate, GET /jobs/{id}, GET /jobs/{id}/video, /healthz (alive), /readyz (can generate)."""
import contextlib
import pathlib
import shutil
import tempfile

from fastapi import FastAPI, Form, HTTPException, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse

from . import settings as settings_module
from .jobs import Jobs, QueueFull
from .obstacles import obstacles
from .speech import NotSpeech, plan

PICTURES = (".png", ".jpg", ".jpeg", ".mp4", ".mov")


def ending(file, allowed):
    found = pathlib.Path(file.filename or "").suffix.lower()
    if found not in allowed:
        raise HTTPException(422, f"{file.filename}: the name must end in {', '.join(allowed)}")
    return found


async def planned(file):
    """The plan of an uploaded speech file; refuses what is no speech."""
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(file.file, copy)
        copy.flush()
        await file.seek(0)
        try:
            return await run_in_threadpool(plan, copy.name)
        except NotSpeech as error:
            raise HTTPException(422, str(error))


def create(settings=None):
    """The application; settings from the environment unless given."""
    settings = settings or settings_module.load()
    jobs = Jobs(settings)
    reasons = []

    @contextlib.asynccontextmanager
    async def lifespan(_):
        reasons.extend(await run_in_threadpool(obstacles, settings))
        yield
        jobs.stop()

    app = FastAPI(title="InfiniteTalk", lifespan=lifespan)

    @app.middleware("http")
    async def limit_uploads(request: Request, proceed):
        length = request.headers.get("content-length")
        if request.method == "POST" and (length is None or not length.isdigit()):
            return JSONResponse({"detail": "an upload must state its length (Content-Length)"}, 411)
        if length and int(length) > settings.max_upload_mb * 1_000_000:
            return JSONResponse({"detail": f"the upload is larger than MAX_UPLOAD_MB={settings.max_upload_mb}"}, 413)
        return await proceed(request)

    @app.get("/healthz")
    def healthz():
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz():
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    @app.post("/plan")
    async def make_plan(speech: UploadFile):
        return await planned(speech)

    @app.post("/generate", status_code=202)
    async def generate(picture: UploadFile, speech: UploadFile, prompt: str = Form(min_length=1, max_length=2000)):
        if reasons:
            raise HTTPException(503, "this machine cannot generate: " + "; ".join(reasons))
        kind = ending(picture, PICTURES)
        found = await planned(speech)
        try:
            sound = (pathlib.Path(speech.filename or "").suffix.lower() or ".wav", speech.file)
            return {"id": await run_in_threadpool(jobs.add, (kind, picture.file), sound, prompt), **found}
        except QueueFull as full:
            raise HTTPException(503, str(full), {"Retry-After": "60"})

    @app.get("/jobs/{name}")
    def job(name: str):
        status = jobs.status(name)
        if status is None:
            raise HTTPException(404, "no such job")
        return status

    @app.get("/jobs/{name}/video")
    def video(name: str):
        status = jobs.status(name)
        if status is None or status["status"] != "done":
            raise HTTPException(404, "no finished video of that id")
        return FileResponse(jobs.video(name), media_type="video/mp4")

    return app
