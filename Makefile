# klab: see README.md.  `make help` lists the targets.

CC = gcc
MUSL_CC = musl-gcc
PYTHON = /usr/bin/python3
BUILD = build
KLAB = klab
VERSION = $(shell git describe --always --dirty 2>/dev/null || echo 0.1)

PACKAGES = libuv yaml-0.1 jansson libarchive sqlite3 libmd libelf gmime-3.0
CFLAGS = -O2 -g
LAB_CFLAGS = -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Irunner \
	-include runner/base/banned.h $(shell pkg-config --cflags $(PACKAGES))
LAB_LIBS = $(shell pkg-config --libs $(PACKAGES)) -lm
ASAN = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all

# guest/frame.c is there for the frames' checksum, one code for both ends.
SRC = $(wildcard runner/base/*.c runner/study/*.c runner/series/*.c \
	runner/tree/*.c runner/kernel/*.c runner/build/*.c runner/machine/*.c \
	runner/console/*.c runner/bisect/*.c runner/metal/*.c runner/lab/*.c runner/cmd/*.c) \
	runner/guest/frame.c
OBJ = $(SRC:%.c=$(BUILD)/%.o)
GUEST_SRC = $(wildcard runner/guest/*.c)
UNIT_SRC = $(wildcard tests/unit/test_*.c)
UNIT = $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)

.DELETE_ON_ERROR:
.PHONY: all setup setup-tests demo check check-unit check-python \
	check-browser check-scenario check-setup check-asan check-man \
	check-boot check-metal check-fresh bench fuzz clean help

all: $(KLAB) $(BUILD)/agent $(BUILD)/probe

help:
	@echo 'make          build klab'
	@echo 'make setup    install what klab needs (Debian; says what first);'
	@echo '              with TESTS=1 also what its tests need'
	@echo 'make demo     set up, build and run configs/studies/demo.yaml'
	@echo 'make check    set up, build and run all tests'
	@echo 'make bench    print the figures of docs/bench.md'
	@echo 'make fuzz     fuzz the readers of untrusted input (FUZZ_SECONDS=60)'
	@echo 'make clean    remove what was built; lab/ stays'

setup:
	@sh runner/setup.sh

setup-tests:
	@TESTS=1 sh runner/setup.sh

# ---- the program ----

$(KLAB): $(BUILD)/runner/main.o $(OBJ)
	@echo 'LD $@'
	@$(CC) $(CFLAGS) -o $@ $^ $(LAB_LIBS)

$(BUILD)/runner/%.o: runner/%.c
	@mkdir -p $(@D)
	@echo 'CC $<'
	@$(CC) $(LAB_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The schema, one file for each version, goes into the program as strings.
$(BUILD)/schema.h: runner/lab/schema.sql runner/lab/schema-2.sql \
		runner/lab/schema-3.sql runner/lab/schema-4.sql \
		runner/lab/schema-5.sql
	@mkdir -p $(@D)
	@for f in $^; do \
		sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $$f; echo ','; \
	done > $@
$(BUILD)/runner/lab/db.o: $(BUILD)/schema.h
$(BUILD)/runner/lab/db.o: LAB_CFLAGS += -I$(BUILD)

# What klab does on a box of bare metal: a shell script, as one string.
$(BUILD)/target.h: runner/metal/target.sh
	@mkdir -p $(@D)
	@sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $< > $@
$(BUILD)/runner/metal/box.o: $(BUILD)/target.h
$(BUILD)/runner/metal/box.o: LAB_CFLAGS += -I$(BUILD)

# Compiled anew only when the version has changed.
$(BUILD)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
$(BUILD)/runner/lab/fingerprint.o $(BUILD)/runner/main.o: $(BUILD)/version
$(BUILD)/runner/lab/fingerprint.o $(BUILD)/runner/main.o: \
	LAB_CFLAGS += -DKLAB_VERSION='"$(VERSION)"'
FORCE:

# What runs in the guest: no host library, no debug information, so that the
# same source gives the same bytes.
$(BUILD)/agent: $(GUEST_SRC) $(wildcard runner/guest/*.h)
	@mkdir -p $(@D)
	@echo 'CC $@ (static)'
	@$(MUSL_CC) -static -Os -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror \
		-Irunner -include runner/base/banned.h -o $@ $(GUEST_SRC)
	@strip $@

$(BUILD)/probe: runner/guest/probe.S
	@mkdir -p $(@D)
	@echo 'AS $@'
	@$(CC) -m32 -nostdlib -static -no-pie -Wl,--build-id=none \
		-Wl,-Ttext-segment=0x100000 -o $@ $<

# ---- tests ----

CORES = $(shell nproc)
PYTEST = $(PYTHON) -m pytest -q -p no:cacheprovider --durations=6 \
	--durations-min=20

$(BUILD)/unit/%: tests/unit/%.c $(OBJ) $(filter-out runner/guest/init.c \
		runner/guest/frame.c,$(GUEST_SRC)) $(wildcard tests/unit/*.h)
	@mkdir -p $(@D)
	@echo 'CC $@'
	@$(CC) $(LAB_CFLAGS) -I$(BUILD) $(CFLAGS) -o $@ $< $(OBJ) \
		$(filter %.c,$(filter-out $<,$^)) $(LAB_LIBS) -lcmocka

$(BUILD)/fake_qemu: $(wildcard tests/scenario/fake*.[ch])
	@mkdir -p $(@D)
	@echo 'CC $@'
	@$(CC) -O2 -std=c11 -Wall -Wextra -Werror -D_GNU_SOURCE -o $@ \
		$(filter %.c,$^)

# The boots and the box of the metal tests leave cores idle: they go together.
check: setup-tests
	@$(MAKE) --no-print-directory -j$(CORES) all $(UNIT)
	@$(MAKE) --no-print-directory check-setup check-unit check-asan \
		check-python check-browser check-man check-scenario
	@$(MAKE) --no-print-directory -j2 check-boot check-metal

check-setup:
	sh tests/setup/test_setup.sh

check-unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

# The same unit tests with the sanitizers; check-scenario has them always.
check-asan:
	@$(MAKE) --no-print-directory -j$(CORES) BUILD=$(BUILD)/asan \
		KLAB=$(BUILD)/asan/klab CFLAGS='-g $(ASAN)' check-unit

check-python:
	$(PYTEST) -n auto tests/analysis

# The pages in a real browser, and a checker of accessibility for them.
check-browser:
	KLAB_BUILD=$(BUILD) $(PYTEST) tests/browser

check-man: $(KLAB)
	mandoc -T lint -W warning docs/klab.1
	sh tests/test_man.sh ./klab docs/klab.1

check-scenario: all $(BUILD)/fake_qemu
	@$(MAKE) --no-print-directory -j$(CORES) BUILD=$(BUILD)/asan \
		KLAB=$(BUILD)/asan/klab CFLAGS='-g $(ASAN)' $(BUILD)/asan/klab
	KLAB_BIN=$(BUILD)/asan/klab $(PYTEST) -n auto tests/scenario

check-boot: all
	$(PYTEST) tests/boot

# Bare metal, played by a Debian guest that is made once (build/metal).
check-metal: all
	KLAB_BUILD=$(BUILD) $(PYTEST) tests/metal

# The two README commands on a minimal Debian in a folder; needs root.
check-fresh:
	sh tests/fresh.sh

# ---- the demo ----

# A regression that was found (1) is a result, not a failure.
demo: setup
	@$(MAKE) --no-print-directory all
	./klab run configs/studies/demo.yaml || [ $$? -eq 1 ]

# ---- fuzzing: needs clang and its runtime (libclang-rt-*-dev) ----

FUZZ_SECONDS = 60
FUZZ = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(OBJ)
	@echo 'CC $@'
	@$(CC) $(LAB_CFLAGS) $(CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LAB_LIBS)

fuzz:
	@command -v clang >/dev/null || \
		{ echo 'make fuzz needs clang and libclang-rt-14-dev'; exit 4; }
	@for f in $(FUZZ); do \
		$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/fuzzing \
			CFLAGS='-g -O1 -fno-sanitize-recover=all -fsanitize=fuzzer-no-link,address,undefined' \
			$(BUILD)/fuzzing/$$f && \
		mkdir -p $(BUILD)/fuzzing/$$f.corpus && \
		$(BUILD)/fuzzing/$$f -max_total_time=$(FUZZ_SECONDS) -timeout=20 \
			-malloc_limit_mb=6000 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzzing/$$f- \
			$(BUILD)/fuzzing/$$f.corpus \
			$(wildcard tests/fuzz/seeds/*) || exit 1; \
	done

# ---- figures ----

$(BUILD)/bench_console: tests/bench/console.c $(OBJ)
	@echo 'CC $@'
	@$(CC) $(LAB_CFLAGS) $(CFLAGS) -o $@ $^ $(LAB_LIBS)

$(BUILD)/bench_bisect: $(wildcard tests/bench/bisect*.[ch]) $(OBJ)
	@echo 'CC $@'
	@$(CC) $(LAB_CFLAGS) $(CFLAGS) -o $@ $(filter-out %.h,$^) $(LAB_LIBS)

bench: all $(BUILD)/fake_qemu $(BUILD)/bench_bisect
	$(PYTHON) tests/bench/bench.py
	$(PYTHON) tests/bench/compare_time.py
	$(PYTHON) tests/bench/rates.py
	$(BUILD)/bench_bisect

-include $(OBJ:.o=.d) $(BUILD)/runner/main.d

clean:
	rm -rf $(BUILD) klab
