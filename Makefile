# TripoSR for Blender. `make help` lists the targets.

BIN := .venv/bin
READY := .venv/ready
PYTHON := python3

.PHONY: help demo test test-all test-unit test-bpy test-docs test-package test-batch lint zip package docs tables \
	screenshots lock bench bench-batch gpu-check starter-eval real-eval camera-eval shadow-eval clean
.DEFAULT_GOAL := help

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' Makefile | expand -t 22

demo: $(READY) ## Turn five pictures into meshes in background Blender (4 minutes); results in out/
	@$(BIN)/python tools/background.py tools/demo.py

test: lint ## Set up what is missing, then lint and test; windows mostly in the newest Blender
test-all: lint ## The same, with every window test in both Blenders, and the real GPU build
test-all: IN_WINDOWS := --every-version
test-all: export REAL_BUILD := --real-build
test test-all:
	@$(SIDE_BY_SIDE) test-package test-bpy test-unit test-docs test-batch
	$(BIN)/pytest tests/gui $(IN_WINDOWS)

# Two at a time, the longest first; each target's output appears when the target is done. The window
# tests run alone, because they rely on pauses of the mouse and measure how soon Blender answers.
SIDE_BY_SIDE := env -u MAKEFLAGS $(MAKE) --no-print-directory -j2 --output-sync=target

# Threads that wait leave the cores to the other tests.
test-unit test-bpy test-docs test-package test-batch: test-%: $(READY)
	@env -u MAKEFLAGS -u MAKELEVEL OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest tests/$* \
		$(if $(filter bpy,$*),$(REAL_BUILD))

lint: $(READY) ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/zizmor --quiet --offline --config .github/zizmor.yml .github/workflows

zip: $(READY) ## Build the add-on alone into dist/, without the packages that it needs
	@$(BIN)/python tools/build.py

package: $(READY) ## Build what artists install; TARGETS="linux-x64-py311 ..." WEIGHTS=folder WITHOUT_GPU_DOWNLOADS=1
	@PYTHONPATH=tools $(BIN)/python tools/package/package.py $(TARGETS) $(if $(WEIGHTS),--weights $(WEIGHTS)) \
		$(if $(WITHOUT_GPU_DOWNLOADS),--without-gpu-downloads)

tables: $(READY) ## Write the documentation's tables of settings anew from settings.py
	@$(BIN)/python tools/settings_tables.py

docs: tables ## Build the documentation into out/site; open index.html in it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo out/site/index.html

screenshots: $(READY) ## Retake the pictures of the panels, in a window of Blender 5.2
	@PYTHONPATH=tests:tests/gui:tools $(BIN)/python tools/screenshots.py

lock: $(READY) ## Pin the newest versions that requirements/*.in allow
	@$(BIN)/python tools/lock.py

bench: $(READY) ## Measure time and memory against the published code (half an hour)
	@$(BIN)/python tools/bench/bench.py

bench-batch: $(READY) ## Measure batches: speed, memory, what they survive (100 minutes); ONLY=overhead,scaling,...
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python tools/bench/batch.py $(if $(ONLY),--only $(ONLY)) $(if $(PUBLISH),--publish)

gpu-check: ## Check and measure on a machine with an NVIDIA GPU (nine minutes); PYTHON=python3
	@$(PYTHON) tools/bench/gpu_check.py $(if $(PUBLISH),--publish)

starter-eval: $(READY) ## Evaluate the starter model on objects that it never saw
	@$(BIN)/python tools/starter/evaluate.py

real-eval: $(READY) ## Measure a model on meshes that it never saw: OBJECTS=folder [MODEL=folder]
	@$(BIN)/python tools/starter/real_evaluate.py $(or $(OBJECTS),$(error OBJECTS=folder is missing)) \
		--resume $(if $(MODEL),--model $(MODEL))

camera-eval: $(READY) ## Measure how well the camera of a picture is found, and its photo projected
	@PYTHONPATH=tools/starter $(BIN)/python tools/bench/camera_eval.py

shadow-eval: $(READY) ## Evaluate how well plain backgrounds and their shadows are left out
	@PYTHONPATH=tools/starter $(BIN)/python tools/shadow/shadow_evaluate.py

clean: ## Remove everything that can be rebuilt
	rm -rf .venv out dist build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements/lock.txt requirements/docs.txt requirements/batch.txt requirements/torch.txt pyproject.toml tools/setup.sh
	@tools/setup.sh
	@touch $@
