# ✅ Good ordering
FROM cuda-base:runtime-12.8          # Never changes
RUN pip install package==1.0.0       # Changes rarely
COPY requirements.txt /app/          # Changes occasionally
RUN pip install -r requirements.txt  # Changes occasionally
COPY . /app                          # Changes frequently
