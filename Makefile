# Each target is one or two ordinary commands; README.md lists them for Windows.
PYTHON ?= python3
BIN := .venv/bin
COLAB := .venv-colab
LESSON ?=
REPOSITORY ?=
INSTALLED := .venv/installed

EVERYTHING := --nbval-lax --nbval-current-env --nbval-cell-timeout=120 --durations 10 \
    --numprocesses 2 --dist loadfile --no-loadscope-reorder \
    --ignore tests/browser --ignore-glob "*-Copy*.ipynb" tests notebooks build/solved

.PHONY: lab test test-browser test-colab site address release course gpu solved checkpoints benchmarks lint format clean

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[lab,credentials,test]"
	$(BIN)/jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements"
	touch $(INSTALLED)

$(COLAB)/installed: pyproject.toml tools/colab_versions.txt
	$(PYTHON) -m venv $(COLAB)
	$(COLAB)/bin/python -m pip install --quiet --constraint tools/colab_versions.txt --editable ".[test]"
	touch $(COLAB)/installed

lab: $(INSTALLED)
	$(BIN)/jupyter lab --config tools/lab_config.py

test: lint solved
	$(BIN)/python -m pytest $(EVERYTHING)

# With Google Colab's versions, in an environment of their own. Colab has Python 3.13: PYTHON=python3.13 comes nearest.
# The pretended GPU is left to `make test`.
test-colab: $(COLAB)/installed
	$(COLAB)/bin/python -m tools.solve
	$(COLAB)/bin/python -m pytest --disable-warnings --ignore tests/test_gpu.py $(EVERYTHING)

# What cannot be had is said, and the tests that need it are skipped.
test-browser: $(INSTALLED)
	$(BIN)/python -m tools.browser_needs
	$(BIN)/python -m pytest -rs tests/browser tests/test_site.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

solved: $(INSTALLED)
	$(BIN)/python -m tools.solve $(LESSON)

course: $(INSTALLED)
	$(BIN)/python -m tools.course $(LESSON)

gpu: $(INSTALLED)
	$(BIN)/python -m tools.gpu $(LESSON)

checkpoints: $(INSTALLED)
	$(BIN)/python -m tools.checkpoints

address: $(INSTALLED)
	$(BIN)/python -m tools.address $(REPOSITORY)

release: $(INSTALLED)
	$(BIN)/python -m tools.release

site: $(INSTALLED)
	$(BIN)/python -m tools.site

benchmarks: $(INSTALLED)
	$(BIN)/python benchmarks/faces.py
	$(BIN)/python benchmarks/gan_speed.py

clean:
	rm -rf build .pytest_cache .ruff_cache
