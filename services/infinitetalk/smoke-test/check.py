#!/usr/bin/python3
"""Smoke test of the image: the real service starts, plans a video with the compiled extension, and says why it cannot generate.

No network, no GPU needed. With a GPU, flash-attn and weights the service is ready, and that is accepted too.
"""
import http.client
import io
import json
import math
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
import wave

started = time.monotonic()


def step(name, value=""):
    print(f"{time.monotonic() - started:5.1f} s  {name}  {value}", flush=True)


def check(condition, message):
    if not condition:
        sys.exit(f"smoke test: {message}")


def tone(seconds, silent_after):
    """A WAV file: a tone, then silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"".join(
            struct.pack("<h", int(8000 * math.sin(index * 0.17)) if index < silent_after * 16_000 else 0) for index in range(seconds * 16_000)
        ))
    return buffer.getvalue()


class Service:
    """The image's own command on a free port of the loopback."""

    def __init__(self, **settings):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = tempfile.TemporaryFile()
        environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(self.port), **settings}
        self.process = subprocess.Popen([sys.executable, "-m", "app"], cwd="/app", env=environment, stdout=self.log, stderr=self.log)

    def ask(self, method, path, parts=None, patience=0):
        """Status and JSON; `parts` is a form: name → text or (file name, bytes)."""
        body, headers = None, {}
        if parts:
            mark = uuid.uuid4().hex
            headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
            body = b""
            for name, value in parts.items():
                file, data = value if isinstance(value, tuple) else (None, value.encode())
                named = f'; filename="{file}"' if file else ""
                body += f'--{mark}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"
            body += f"--{mark}--\r\n".encode()
        deadline = time.monotonic() + patience
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except ConnectionRefusedError:
                check(time.monotonic() < deadline and self.process.poll() is None, "the service does not listen")
                time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.wait(20)
        if kind:  # what the service said is only of interest when something is wrong
            self.log.seek(0)
            print(self.log.read().decode(errors="replace"), file=sys.stderr)


with Service() as service:
    status, _ = service.ask("GET", "/healthz", patience=120)
    check(status == 200, "healthz does not answer")
    status, answer = service.ask("GET", "/readyz")
    check((status == 200) == (not answer["reasons"]), f"readyz contradicts itself: {status} {answer}")
    step("readyz", "ready" if status == 200 else "not ready: " + "; ".join(answer["reasons"]))

    status, plan = service.ask("POST", "/plan", {"speech": ("speech.wav", tone(4, silent_after=3))})
    check(status == 200 and plan == {"seconds": 4.0, "frames": 100, "spoken": 0.75}, f"4 s of which 3 are spoken: {status} {plan}")
    step("planned with the compiled extension", plan)
    status, answer = service.ask("POST", "/plan", {"speech": ("speech.wav", tone(1, silent_after=0))})
    check(status == 422 and "silent" in answer["detail"], f"silence: {status} {answer}")
    status, answer = service.ask("POST", "/plan", {"speech": ("speech.wav", b"no audio")})
    check(status == 422 and "ffmpeg" in answer["detail"], f"no audio: {status} {answer}")

    if service.ask("GET", "/readyz")[0] != 200:
        form = {"picture": ("face.png", b"\x89PNG"), "speech": ("speech.wav", tone(1, silent_after=1)), "prompt": "a person talks"}
        status, answer = service.ask("POST", "/generate", form)
        check(status == 503 and "cannot generate" in answer["detail"], f"generate without what it needs: {status} {answer}")
        step("refuses to generate, with the reasons")
step("stopped")
