# One line each; what takes more lives in tools/. ARGS goes to the command: make demo ARGS="--exit"
.PHONY: help setup demo bench test test-long check format coverage clean
help: ; @sed -nE 's/^([a-z-]+):.* [#]# (.*)/\1\t\2/p' Makefile | expand -t 12 ## this list
setup: ; @tools/setup.sh ## install everything that uv.lock pins into .venv
demo: setup ; @.venv/bin/copydesk demo $(ARGS) ## a market, lead traders and copy traders on this machine
bench: setup ; @.venv/bin/copydesk bench $(ARGS) ## measure
test: setup ; @.venv/bin/pytest -m "not long" $(ARGS) ## the fast tier
test-long: setup ; @.venv/bin/pytest -m long $(ARGS) || test $$? -eq 5 ## the longer tiers (pytest says 5 when there are none)
check: setup ; @tools/check.sh ## everything that is not a test of behaviour: style, types, imports, sizes
format: setup ; @.venv/bin/ruff check --fix --quiet; .venv/bin/ruff format --quiet ## mend what a tool can mend
coverage: setup ; @.venv/bin/coverage run -m pytest -m "not long" $(ARGS) && .venv/bin/coverage report ## the fast tier, with what it misses
clean: ; @rm -rf .venv dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache ## forget what was made
