# vos3000: from a fresh clone to a running switch.
#
#   make run               a working switch with a demonstration; Ctrl-C ends it
#   make run ARGS=--no-demo   the switch alone
#   make test              every test; TESTS=tests.billing for a part of them
#   make bench             calls per CPU-second, against a peer
#   make lint              ruff, mypy and the import rules
#   make docs              pydoctor: the API, in build/apidocs
#   make clean             forget everything that was made here
#
# Each installs what it needs: a virtual environment in .venv, and Debian
# packages through apt-get where the machine lacks them.

PYTHON ?= python3
ARGS ?=
TESTS ?= tests
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
EDITABLE := --config-settings editable_mode=compat --editable

.DELETE_ON_ERROR:
.PHONY: run test bench lint docs clean

run: $(VENV)/.run
	@.ci/foreground $(BIN)/python $(BIN)/vos3000 demo $(ARGS)

test: $(VENV)/.test $(VENV)/.sipp $(VENV)/.peers
	$(BIN)/trial $(TESTS)

bench: $(VENV)/.test $(VENV)/.sipp
	$(BIN)/python -m bench $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/trial tests.test_imports

docs: $(VENV)/.dev
	$(BIN)/pydoctor

clean:
	rm -rf $(VENV) bench/.venv-* build dist *.egg-info _trial_temp* twisted/plugins/dropin.cache
	rm -rf .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# The environment; pip's own and the package's needs after it.
$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "vos3000 needs Python 3.11 or newer; set PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  .ci/debian "Python's venv module" python3-venv
	@echo "making the virtual environment $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.venv setup.cfg pyproject.toml
	@echo "installing vos3000 and what it needs"
	@$(PIP) install $(EDITABLE) .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "installing what the tests need"
	@$(PIP) install $(EDITABLE) '.[test]'
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	@echo "installing the linters"
	@$(PIP) install $(EDITABLE) '.[test,dev]'
	@touch $@

$(VENV)/.sipp: $(VENV)/.venv
	@command -v sipp >/dev/null || .ci/debian "SIPp" sip-tester
	@touch $@

# other people's programs, for tests.interop
PEERS := baresip-core kamailio kamailio-tls-modules linphone-cli mariadb-server-core sipsak \
  sipvicious tshark

$(VENV)/.peers: $(VENV)/.venv
	@dpkg -s $(PEERS) >/dev/null 2>&1 || .ci/debian "Other SIP software" $(PEERS)
	@touch $@
