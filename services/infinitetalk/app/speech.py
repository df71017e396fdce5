"""What a speech file makes of a video: its length in frames, and whether anybody speaks."""
import subprocess

RATE = 16_000
FRAMES_PER_SECOND = 25  # InfiniteTalk's own
SILENCE = 1e-3  # RMS below which a frame counts as silent; full scale is 1


class NotSpeech(ValueError):
    """The upload is no audio, or nobody speaks in it."""


def plan(path):
    """`{"seconds", "frames", "spoken"}` of an audio file; `spoken` is the share of frames that are not silent. Raises NotSpeech."""
    import torch  # first: speech_envelope links libtorch
    import speech_envelope

    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"]
    result = subprocess.run(command, capture_output=True)
    if result.returncode != 0 or len(result.stdout) < 4:
        raise NotSpeech("ffmpeg finds no audio in the upload")
    samples = torch.frombuffer(bytearray(result.stdout), dtype=torch.float32)
    envelope = speech_envelope.envelope(samples, RATE, FRAMES_PER_SECOND)
    spoken = (envelope > SILENCE).float().mean().item()
    if spoken == 0:
        raise NotSpeech("the audio is silent from start to end")
    return {"seconds": round(len(samples) / RATE, 3), "frames": len(envelope), "spoken": round(spoken, 3)}
