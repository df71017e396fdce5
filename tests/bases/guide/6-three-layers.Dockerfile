# ❌ Bad - three layers
RUN pip install fastapi==0.109.0
RUN pip install uvicorn==0.27.0
RUN pip install pydantic==2.5.3
