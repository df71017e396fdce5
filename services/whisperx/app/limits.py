"""What protects the service from too much work: a bounded queue, and a limit on uploads."""
import asyncio
import concurrent.futures
import math

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse


class QueueFull(Exception):
    """No place is left; `retry_after` says after how many seconds one is likely to be."""

    def __init__(self, retry_after):
        super().__init__("the queue is full")
        self.retry_after = retry_after


class WorkQueue:
    """One piece of work at a time in a thread, a bounded number waiting."""

    def __init__(self, size):
        self.size = size
        self.count = 0  # at work and waiting
        self._mean_seconds = 5.0
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="transcribe")

    def check(self):
        """Raises QueueFull when no place is left."""
        if self.count > self.size:
            raise QueueFull(max(1, math.ceil(self._mean_seconds)))

    async def run(self, work, *arguments):
        """Runs the work when its turn comes. Raises QueueFull at once, or what the work raises."""
        self.check()
        self.count += 1  # no await since the check: two requests cannot take the same place
        loop = asyncio.get_running_loop()
        try:
            started = loop.time()
            return await loop.run_in_executor(self._thread, work, *arguments)
        finally:
            self.count -= 1
            self._mean_seconds = 0.7 * self._mean_seconds + 0.3 * (loop.time() - started)

    def close(self):
        self._thread.shutdown(wait=False, cancel_futures=True)


class RefuseEarly:
    """ASGI middleware: answers before the body is read when it would be too large or the queue is full."""

    def __init__(self, app, path, max_bytes, queue):
        self.app, self.path, self.max_bytes, self.queue = app, path, max_bytes, queue

    def _too_large(self):
        return f"the upload is larger than MAX_UPLOAD_MB={self.max_bytes // 1_000_000}"

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] != self.path or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        try:
            self.queue.check()
        except QueueFull as full:
            refusal = JSONResponse({"detail": str(full)}, 503, headers={"Retry-After": str(full.retry_after)})
            return await refusal(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.max_bytes:
            return await JSONResponse({"detail": self._too_large()}, 413)(scope, receive, send)

        received = 0

        async def counted():  # a chunked upload states no length
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise HTTPException(413, self._too_large())
            return message

        return await self.app(scope, counted, send)
