"""python3 -m app: serves until SIGTERM, then lets the requests at work finish."""
import logging
import sys

import uvicorn

from . import main, settings

logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
for name in ("app", "uvicorn"):
    logging.getLogger(name).setLevel(logging.INFO)
# A probe every few seconds would bury the requests that matter.
logging.getLogger("uvicorn.access").addFilter(lambda record: "/healthz" not in record.getMessage() and "/readyz" not in record.getMessage())
try:
    values = settings.load()
except settings.SettingError as error:
    sys.exit(str(error))
uvicorn.run(main.create(values), host=values.host, port=values.port, timeout_graceful_shutdown=values.stop_seconds, log_config=None)
