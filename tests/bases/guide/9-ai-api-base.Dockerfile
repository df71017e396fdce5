# custom-bases/ai-api-base.dockerfile
FROM cuda-base:runtime-12.8

# Common API dependencies
RUN pip3 install --no-cache-dir \
    fastapi==0.109.0 \
    uvicorn==0.27.0 \
    pydantic==2.5.3
