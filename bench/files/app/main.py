"""Code of a small service."""


def answer() -> str:
    return "hello"
