# The models with the loader of multimodal_keras itself, instead of TensorFlow Serving: a page, POST /predict, no gRPC.
#   docker build --file loader.Dockerfile --tag @SERVICE@-loader:@VERSION@ .
FROM python:@PYTHON@-slim
# A wheel of multimodal_keras that lies beside this file is taken instead of the package index's.
COPY loader-constraints.txt *.whl /install/
RUN pip install --no-cache-dir --find-links /install --constraint /install/loader-constraints.txt "multimodal-keras[serve]==@PACKAGE@"
COPY models /models
# Nothing is written but below /tmp: the root file system may be read-only.
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=1
USER 65534:65534
EXPOSE 8501
# On SIGTERM it answers what has come, and then ends.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/readyz', timeout=4)"]
CMD ["multimodal-keras", "serve", "/models/@MODEL@", "--host", "0.0.0.0", "--port", "8501"]
