# Each target works alone on a fresh machine with Python 3.11 or newer: what it needs is installed first.
PYTHON ?= python3
BIN := .venv/bin
OLDEST := .venv-oldest/bin
INSTALLED := .venv/.installed
OLDEST_INSTALLED := .venv-oldest/.installed
RUN := TF_CPP_MIN_LOG_LEVEL=2 $(BIN)

.PHONY: setup demo test test-oldest check format bench soak wheel clean

setup: $(INSTALLED)

$(INSTALLED): setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test,hub]'
	touch $@

# TensorFlow 2.16 with tensorflow-io: the oldest that is supported, and the only one that tensorflow-io loads beside.
$(OLDEST_INSTALLED): setup.cfg pyproject.toml
	test -x $(OLDEST)/python || $(PYTHON) -m venv .venv-oldest
	$(OLDEST)/python -m pip install --quiet --upgrade pip
	$(OLDEST)/python -m pip install --quiet --editable '.[io,test]'
	touch $@

demo: $(INSTALLED)
	$(RUN)/multimodal-keras demo --output runs/demo

test: $(INSTALLED)
	$(RUN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

test-oldest: $(OLDEST_INSTALLED)
	TF_CPP_MIN_LOG_LEVEL=2 $(OLDEST)/python -m pytest -m oldest -W default -n 2 --dist loadscope --no-loadscope-reorder

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	$(MAKE) test

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)
	$(RUN)/python benchmarks/serving.py
	$(RUN)/python benchmarks/hot_swap.py
	$(RUN)/python benchmarks/tflite.py
	$(RUN)/python benchmarks/runtime.py
	$(RUN)/python benchmarks/audio.py
	$(BIN)/python -m pip install --quiet --requirement benchmarks/requirements.txt
	$(RUN)/python benchmarks/training.py

soak: $(INSTALLED)
	$(RUN)/python benchmarks/soak.py
	$(RUN)/python benchmarks/soak.py --tflite

wheel: $(INSTALLED)
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf .venv .venv-oldest build dist runs *.egg-info
