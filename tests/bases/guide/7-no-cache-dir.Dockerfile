RUN pip3 install --no-cache-dir package-name
