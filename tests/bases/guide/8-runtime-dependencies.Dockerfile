# Ensure all runtime dependencies are installed in runtime stage
FROM cuda-base:runtime-12.8
COPY --from=builder /usr/local/lib/python3.10/dist-packages /usr/local/lib/python3.10/dist-packages

# Install any runtime-only dependencies
RUN pip3 install --no-cache-dir runtime-package
