# Build stage
FROM cuda-base:devel-12.8 AS builder
RUN pip3 install flash-attention xformers

# Runtime stage
FROM cuda-base:runtime-12.8
COPY --from=builder /usr/local/lib/python3.10/dist-packages /usr/local/lib/python3.10/dist-packages
COPY . /app
