# Each target is one or two ordinary commands; CONTRIBUTING.md lists them for Windows.
PYTHON ?= python3
BIN := .venv/bin
COLAB := .venv-colab
LESSON ?=
REPOSITORY ?=
LAB := .venv/installed-lab
TEST := .venv/installed-test

EVERYTHING := --nbval-lax --nbval-current-env --nbval-cell-timeout=120 --durations 10 \
    --numprocesses 2 --dist loadfile --no-loadscope-reorder \
    --ignore tests/browser --ignore-glob "*-Copy*.ipynb" tests notebooks build/solved

.PHONY: lab test try moved test-browser test-colab site address release course gpu solved checkpoints benchmarks lint format clean

# In a folder that was moved or renamed, the environment is first told where it is now.
MOVED := $(if $(filter-out $(CURDIR),$(shell cat .venv/place 2> /dev/null)),moved)

moved:
	@$(PYTHON) tools/install.py --moved

$(LAB): pyproject.toml constraints.txt | $(MOVED)
	@$(PYTHON) tools/install.py

$(TEST): pyproject.toml constraints.txt | $(MOVED)
	@$(PYTHON) tools/install.py --test

$(COLAB)/installed: pyproject.toml tools/colab_versions.txt
	$(PYTHON) -m venv $(COLAB)
	$(COLAB)/bin/python -m pip install --quiet --constraint tools/colab_versions.txt --editable ".[test]"
	touch $(COLAB)/installed

lab: $(LAB)
	$(BIN)/python -m jupyterlab --config tools/lab_config.py

test: lint solved
	$(BIN)/python -m pytest $(EVERYTHING)

# With Google Colab's versions, in an environment of their own. Colab has Python 3.13: PYTHON=python3.13 comes nearest.
# The pretended GPU is left to `make test`.
test-colab: $(COLAB)/installed
	$(COLAB)/bin/python -m tools.solve
	$(COLAB)/bin/python -m pytest --disable-warnings --ignore tests/lessons/test_gpu.py $(EVERYTHING)

# What cannot be had is said, and the tests that need it are skipped.
test-browser: $(TEST)
	$(BIN)/python -m tools.browser_needs
	$(BIN)/python -m pytest -rs tests/browser tests/tools/test_site.py

lint: $(TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(TEST)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

solved: $(TEST)
	$(BIN)/python -m tools.solve $(LESSON)

course: $(TEST)
	$(BIN)/python -m tools.course $(LESSON)

try: $(TEST)
	$(BIN)/python -m tools.try_it $(LESSON)

gpu: $(TEST)
	$(BIN)/python -m tools.gpu $(LESSON)

checkpoints: $(TEST)
	$(BIN)/python -m tools.train_checkpoints

address: $(TEST)
	$(BIN)/python -m tools.address $(REPOSITORY)

release: $(TEST)
	$(BIN)/python -m tools.release

site: $(TEST)
	$(BIN)/python -m tools.site

benchmarks: $(TEST)
	$(BIN)/python benchmarks/faces.py
	$(BIN)/python benchmarks/gan_speed.py

clean:
	rm -rf build .pytest_cache .ruff_cache
