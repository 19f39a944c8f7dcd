# The lines a target runs stand in README.md for those without make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: app test test-long bench clean

app: $(VENV)/app-ready
	$(BIN)/python -m streamlit run Home.py

test: $(VENV)/test-ready
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-long: $(VENV)/test-ready
	PNEUMODESK_MUTATIONS=10000 $(BIN)/python -m pytest tests/integration/test_forms_of_one_image.py
	PNEUMODESK_ACTIVATIONS=1000 $(BIN)/python -m pytest tests/integration/test_activation_leaks.py

bench: $(VENV)/test-ready
	for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/app-ready: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/test-ready: requirements.txt tests/requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
