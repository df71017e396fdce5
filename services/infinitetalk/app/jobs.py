"""Videos in the making: one at a time, a bounded number waiting, each in a process of its own."""
import json
import logging
import queue
import shutil
import subprocess
import sys
import threading
import uuid

log = logging.getLogger("app")


class QueueFull(Exception):
    """No place is left."""


class Jobs:
    def __init__(self, settings):
        self.settings = settings
        self._status = {}
        self._waiting = queue.Queue(settings.queue_size + 1)
        self._process = None
        self._stopped = False
        threading.Thread(target=self._work, name="jobs", daemon=True).start()

    def add(self, picture, speech, prompt):
        """Queues a job and returns its id. `picture` and `speech` are (file name ending, open file). Raises QueueFull."""
        name = uuid.uuid4().hex
        folder = self.settings.work / name
        folder.mkdir(parents=True)
        places = {}
        for kind, (ending, file) in {"picture": picture, "speech": speech}.items():
            places[kind] = folder / f"{kind}{ending}"
            with open(places[kind], "wb") as copy:
                shutil.copyfileobj(file, copy)
        request = {"prompt": prompt, "cond_video": str(places["picture"]), "cond_audio": {"person1": str(places["speech"])}}
        (folder / "input.json").write_text(json.dumps(request))
        self._status[name] = {"status": "waiting"}
        try:
            self._waiting.put_nowait(name)
        except queue.Full:
            del self._status[name]
            shutil.rmtree(folder)
            raise QueueFull("the queue is full") from None
        return name

    def status(self, name):
        """`{"status": "waiting" | "running" | "done" | "failed", "error"?}`; None for an id that never was."""
        return self._status.get(name)

    def video(self, name):
        return self.settings.work / name / "video.mp4"

    def stop(self):
        """Ends the process at work; what waits is lost with the container."""
        self._stopped = True
        if self._process:
            self._process.terminate()

    def command(self, name):
        """InfiniteTalk's command for a job. Not `python generate_infinitetalk.py`: app.upstream applies the shim first."""
        folder = self.settings.work / name
        options = {
            **self.settings.weights, "input_json": folder / "input.json", "size": self.settings.size, "mode": "streaming",
            "motion_frame": 9, "sample_steps": self.settings.sample_steps, "save_file": folder / "video", "audio_save_dir": folder / "audio",
        }
        if self.settings.persistent_parameters >= 0:
            options["num_persistent_param_in_dit"] = self.settings.persistent_parameters
        return [sys.executable, "-m", "app.upstream", *(word for key, value in options.items() for word in (f"--{key}", str(value)))]

    def _work(self):
        while not self._stopped:
            name = self._waiting.get()
            self._status[name] = {"status": "running"}
            self._process = subprocess.Popen(self.command(name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            lines = []
            for line in self._process.stdout:  # its progress belongs in the container's log, its last words in the answer
                print(line, end="", flush=True)
                lines = [*lines[-9:], line]
            code = self._process.wait()
            if code == 0 and self.video(name).exists():
                self._status[name] = {"status": "done"}
            else:
                self._status[name] = {"status": "failed", "error": "".join(lines).strip() or f"exit code {code}"}
            log.info("job %s: %s", name, self._status[name]["status"])
