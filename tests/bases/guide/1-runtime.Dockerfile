FROM cuda-base:runtime-12.8

# Only service-specific dependencies
RUN pip3 install whisperx fastapi uvicorn

# Copy application code
COPY . /app
