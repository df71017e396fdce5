# ❌ Bad ordering
FROM cuda-base:runtime-12.8
COPY . /app                          # Changes frequently - breaks cache
RUN pip install -r requirements.txt  # Must rebuild every time
