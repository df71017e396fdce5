#!/usr/bin/python3
"""Smoke test of the image: the real service is started on a tiny model and transcribes a generated clip. No network, no GPU needed.

`import whisperx` proves nothing (it is lazy), so the whole path runs: ffmpeg, voice detection, model, queue, HTTP.
"""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True
started = time.monotonic()


def step(name, value=""):
    print(f"{time.monotonic() - started:5.1f} s  {name}  {value}", flush=True)


def check(condition, message):
    if not condition:
        sys.exit(f"smoke test: {message}")


class Service:
    """The image's own command on a free port of the loopback."""

    def __init__(self, **settings):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(self.port), **settings}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([sys.executable, "-m", "app"], cwd="/app", env=environment, stdout=self.log, stderr=self.log)

    def ask(self, method, path, body=None, headers=None, patience=0):
        """Status, headers and JSON; tries again for `patience` seconds while nobody listens or the answer is 503."""
        deadline = time.monotonic() + patience
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
                connection.request(method, path, body, headers or {})
                answer = connection.getresponse()
                content = json.loads(answer.read())
                if answer.status != 503 or content.get("failed") or time.monotonic() > deadline:
                    return answer.status, dict(answer.getheaders()), content
            except ConnectionRefusedError:
                check(time.monotonic() < deadline and self.process.poll() is None, "the service does not listen")
            time.sleep(0.1)

    def transcribe(self, data, name="clip.wav"):
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body = head + data + f"\r\n--{mark}--\r\n".encode()
        return self.ask("POST", "/transcribe", body, {"Content-Type": f"multipart/form-data; boundary={mark}"})

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        begin = time.monotonic()
        self.process.terminate()
        self.process.wait(20)
        self.stop_seconds = time.monotonic() - begin
        if kind:  # what the service said is only of interest when something is wrong
            self.log.seek(0)
            print(self.log.read().decode(errors="replace"), file=sys.stderr)


with tempfile.TemporaryDirectory() as folder:
    with Service(MODEL=f"{folder}/nothing-here") as service:
        check(service.ask("GET", "/healthz", patience=120)[0] == 200, "healthz does not answer")
        step("healthz")
        status, _, answer = service.ask("GET", "/readyz", patience=400)
        check(status == 503 and "there is no such folder" in answer["reason"], f"a missing model is not named: {status} {answer}")
        step("a missing model is named")

    import clip
    import tiny_model

    tiny_model.make(f"{folder}/model")
    clip.write(f"{folder}/clip.wav")
    data = pathlib.Path(folder, "clip.wav").read_bytes()
    step("tiny model and clip made")

    with Service(MODEL=f"{folder}/model", MAX_UPLOAD_MB="2", QUEUE_SIZE="0", DEVICE="cpu") as service:
        status, _, answer = service.ask("GET", "/readyz", patience=400)
        check(status == 200, f"readyz: {status} {answer}")
        step("readyz", answer)

        answers = []
        both = [threading.Thread(target=lambda: answers.append(service.transcribe(data))) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        served = [answer for status, _, answer in answers if status == 200]
        refused = [headers for status, headers, _ in answers if status == 503]
        check(len(served) == 1 and len(refused) == 1, f"of two requests at once, one has a place: {answers}")
        check(int({name.lower(): value for name, value in refused[0].items()}["retry-after"]) > 0, "no Retry-After")
        answer = served[0]
        check(abs(answer["duration"] - clip.SECONDS) < 0.1, f"the clip has {clip.SECONDS} s, the answer says {answer['duration']}")
        check(answer["segments"], "voice detection found no speech")
        first, last = answer["segments"][0]["start"], answer["segments"][-1]["end"]
        check(abs(first - clip.VOICED[0][0]) < 0.5 and abs(last - clip.VOICED[-1][1]) < 0.5, f"speech heard from {first} to {last} s")
        step("transcribed", f"{answer['duration']} s of audio in {answer['seconds']} s, speech from {first} to {last} s; a second request was refused")

        status, _, answer = service.transcribe(b"this is no audio")
        check(status == 422 and "ffmpeg" in answer["detail"], f"a text file: {status} {answer}")
        status, _, answer = service.transcribe(bytes(3_000_000))
        check(status == 413 and "MAX_UPLOAD_MB" in answer["detail"], f"an upload too large: {status} {answer}")
        step("refuses what is no audio and what is too large")
    check(service.stop_seconds < 10, f"stopping took {service.stop_seconds:.1f} s")
    step("stopped", f"in {service.stop_seconds:.1f} s")
