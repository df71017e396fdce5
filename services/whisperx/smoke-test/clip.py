"""A clip that the real voice detection hears as speech, made of numbers: no recording, and the answer is known.

    python3 clip.py OUT.wav
"""
import sys
import wave

import numpy

RATE = 16_000
SECONDS = 20
# When the voice sounds, in seconds.
VOICED = ((2.0, 9.0), (12.0, 18.0))


def samples():
    """Thirty harmonics of a wavering 120 Hz through two formants, in syllables of 3.5 Hz, with a little noise."""
    time = numpy.arange(RATE * SECONDS) / RATE
    pitch = 120 + 20 * numpy.sin(2 * numpy.pi * 2.5 * time)
    phase = 2 * numpy.pi * numpy.cumsum(pitch) / RATE
    voice = numpy.zeros_like(time)
    for harmonic in range(1, 31):
        frequency = harmonic * 120
        weight = sum(numpy.exp(-(((frequency - formant) / 300) ** 2)) for formant in (500, 1500))
        voice += (weight + 0.02) * numpy.sin(harmonic * phase)
    syllables = numpy.sqrt(numpy.maximum(0, numpy.sin(2 * numpy.pi * 3.5 * time)))
    on = sum(((start <= time) & (time < end)).astype(float) for start, end in VOICED)
    voice = voice / numpy.abs(voice).max() * syllables * on
    noise = numpy.random.default_rng(0).standard_normal(len(time))
    return (0.7 * voice + 0.001 * noise).astype(numpy.float32)


def write(path):
    """Writes the clip as a WAV file of 16 bits, 16 kHz, one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples() * 32767).clip(-32768, 32767).astype(numpy.int16).tobytes())


if __name__ == "__main__":
    write(sys.argv[1])
