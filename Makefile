# The lines a target runs stand in README.md for those without make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Unit tests that need no database, process or training.
FAST := $(addprefix tests/unit/,cli dataset evaluation figures radiograph triage test_house_rules.py)
LOAD ?= 2

.PHONY: app lint test test-fast test-busy test-long coverage bench messages clean

app: $(VENV)/app-ready
	$(BIN)/python -m streamlit run Home.py

test-fast: $(VENV)/test-ready
	$(BIN)/python -m pytest -n 2 --dist loadfile $(FAST)

test: $(VENV)/test-ready
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The same while other processes burn as many cores: no test may race with the clock.
test-busy: $(VENV)/test-ready
	$(BIN)/python tests/burning.py $(LOAD) $(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/basedpyright --level error

# Also of what runs in processes of its own; `fail_under` in pyproject.toml may only rise.
coverage: $(VENV)/test-ready
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# At most an hour on two cores; `make test` runs a small size of each. The seeds are fixed.
test-long: $(VENV)/test-ready
	$(BIN)/python -m pytest -n 2 --dist worksteal --timeout=3600 -m hypothesis --hypothesis-profile long tests/unit
	PNEUMODESK_MUTATIONS=10000 $(BIN)/python -m pytest --timeout=3600 tests/integration/test_forms_of_one_image.py
	PNEUMODESK_DESKS=400 $(BIN)/python -m pytest --timeout=3600 tests/integration/test_one_order.py
	PNEUMODESK_ACTIVATIONS=1000 $(BIN)/python -m pytest --timeout=3600 tests/integration/test_activation_leaks.py
	PNEUMODESK_KILLS=30 $(BIN)/python -m pytest --timeout=3600 tests/integration/test_kills.py

bench: $(VENV)/test-ready
	for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Every sentence for translators into core/locales/messages.pot, and each language's messages.po compiled.
messages: $(VENV)/test-ready
	$(BIN)/python -m tests.messages

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/app-ready: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/test-ready: requirements.txt tests/requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
