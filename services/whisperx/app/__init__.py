"""WhisperX behind HTTP: upload audio, get text with times."""
