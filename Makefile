# Kefu. `make help` lists what there is to do. Files are found by wildcard: nobody edits this file to add one.
#
#   B=dir     where everything is built (default: build)
#   CC=gcc    the compiler ("ccache gcc" and clang work as well; use another B for another compiler)
#   T=seconds how long `make fuzz` runs each fuzzer (default: 10)

B ?= build
ifeq ($(origin CC),default)
CC = gcc
endif
FUZZ_CC ?= clang
T ?= 10

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# ---- what there is -------------------------------------------------------------------------------------------------

COMMON   := $(wildcard common/*/*.c common/*/*/*.c)
SERVICES := $(patsubst services/%/main.c,%,$(wildcard services/*/main.c))
FOLDERS  := $(patsubst services/%/,%,$(sort $(dir $(wildcard services/*/main.c))))
MESSAGES := $(wildcard proto/*.msg)
ROWS     := $(wildcard services/*/rows.msg)
UNIT     := $(patsubst tests/%.c,%,$(wildcard tests/unit/test_*.c))
INTEGRATION := $(patsubst tests/%.c,%,$(wildcard tests/integration/test_*.c))
TEST_LIB := $(wildcard tests/lib/*.c)
FUZZERS  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES  := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
BENCHES  := $(filter-out $(if $(wildcard /usr/include/amqp.h),,rabbit),$(BENCHES))

# ---- flags ---------------------------------------------------------------------------------------------------------

# Asked for once, when first needed: on a bare machine pkg-config is there only after `make install-deps`.
MODULES = libuv libpq libcrypto libzmq $(shell pkg-config --exists msgpack-c && echo msgpack-c || echo msgpack) \
          libsodium libcurl yaml-0.1 jansson
MODULE_FLAGS = $(eval MODULE_FLAGS := $(shell pkg-config --cflags $(MODULES)))$(MODULE_FLAGS)
MODULE_LIBS = $(eval MODULE_LIBS := $(shell pkg-config --libs $(MODULES)) -lcsv -lm -lpthread)$(MODULE_LIBS)

PROCESSOR := $(shell uname -m)
C_FLAGS = -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Icommon -I$(B)/gen -Iservices -Itests/lib \
          -fPIE -fno-omit-frame-pointer -fstack-protector-strong $(MODULE_FLAGS)
release_FLAGS = -O2 -g -D_FORTIFY_SOURCE=3 -fstack-clash-protection \
                $(if $(filter x86_64,$(PROCESSOR)),-fcf-protection)
test_FLAGS    = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -DKEFU_FAILPOINTS
fuzz_FLAGS    = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
release_CC = $(CC)
test_CC    = $(CC)
fuzz_CC    = $(FUZZ_CC)
LINK_FLAGS = -pie -Wl,-z,relro,-z,now

# ---- goals ---------------------------------------------------------------------------------------------------------

.PHONY: all help run test check bench bench-short bench-beside fault lint fuzz mutants clean \
        import-test compose-test install-deps programs unit-tests tests fuzzers benches \
        format tidy tsan coverage debug new hooks
all: programs ## build the services and the command line (build/bin)

help: ## list the goals
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

install-deps: ## install missing Debian packages (deploy/packages.txt)
	@deploy/install.sh

run: install-deps ## install, build and start everything with a live demo day
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$(call script,deploy/run.sh)

test: install-deps ## run every test
	@$(MAKE) --no-print-directory -j$$(nproc) all tests
	@B='$(B)' tests/run.py

check: unit-tests ## run the unit tests only
	@B='$(B)' tests/run.py unit

bench: install-deps ## measure (40 minutes at most; BENCH_PARTS=alarms,snapshot for some parts only)
	@$(measure)

bench-short: install-deps ## measure with small numbers (5 minutes at most)
	@$(measure) --short

bench-beside: install-deps ## measure this tree and another commit turn by turn (COMMIT=c; BENCH_PARTS)
	@tests/bench/install.sh && B='$(B)' tests/bench/beside.py $(COMMIT) $(if $(BENCH_PARTS),--only $(BENCH_PARTS))

measure = tests/bench/install.sh && $(MAKE) --no-print-directory -j$$(nproc) all benches && \
          B='$(B)' tests/bench/run.sh $(if $(BENCH_PARTS),--only $(BENCH_PARTS))

fault: install-deps ## inject every fault at length (60 minutes at most)
	@$(MAKE) --no-print-directory -j$$(nproc) all tests
	@B='$(B)' tests/fault/_run.py

import-test: install-deps ## bring real service requests in through the public door
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$(call script,tests/import/run.sh)

compose-test: install-deps ## run the system under Docker Compose: a day, scaling, kills, the checker
	@$(call script,tests/compose/compose.py)

lint: ## check sizes, include directions, doors and forbidden words; list the ten longest functions
	@B='$(B)' tests/lint/lint.py --longest

format: ## lay out all C as .clang-format says (clang-format 14; another version is refused)
	@tests/lint/format.py

tidy: ## look for bugs with clang-tidy (.clang-tidy); no finding is left (FILES=… for some)
	@deploy/install.sh deploy/packages-dev.txt
	@$(MAKE) --no-print-directory -s compile_commands.json
	@echo $(or $(FILES),$(filter-out tests/%,$(C_SOURCES))) | xargs -P $$(nproc) -n 6 clang-tidy-14 --quiet -p .

tsan: install-deps ## run the tests of what has threads with ThreadSanitizer (WORDS=… for others)
	@$(MAKE) --no-print-directory -j$$(nproc) B=$(B)/tsan test_FLAGS='-O1 -g -fsanitize=thread -DKEFU_FAILPOINTS' tests
	@B='$(B)/tsan' TSAN_OPTIONS="suppressions=$(CURDIR)/tests/tsan.supp" tests/run.py \
	    $(or $(WORDS),unit/test_bus unit/test_loop integration/test_peers integration/strangers)

coverage: install-deps ## count the lines that tests run, by folder (WORDS=… for some tests)
	@$(MAKE) --no-print-directory -j$$(nproc) B=$(B)/coverage \
	    test_FLAGS='-O0 -g --coverage -fprofile-update=atomic -DKEFU_FAILPOINTS' tests
	@find $(B)/coverage -name '*.gcda' -delete
	@B='$(B)/coverage' tests/run.py $(or $(WORDS),unit integration) || true
	@B='$(B)/coverage' tests/coverage.py

debug: install-deps ## start everything without optimisation, and gdb on one service (NAME=routing)
	@[ -n "$(NAME)" ] || { echo 'make debug NAME=routing: which service?' >&2; exit 1; }
	@deploy/install.sh deploy/packages-dev.txt
	@$(MAKE) --no-print-directory -j$$(nproc) B=$(B)/debug release_FLAGS='-O0 -g3' programs
	@B='$(B)/debug' deploy/debug.sh $(NAME)

new: ## make a service that builds and passes its tests (NAME=parking)
	@B='$(B)' tests/template/new.sh '$(NAME)'

hooks: ## let git look at layout, lint and unit tests before a commit
	git config core.hooksPath .githooks

fuzz: install-deps ## fuzz every parser of outside bytes, T seconds each
	@$(MAKE) --no-print-directory -j$$(nproc) fuzzers
	@B='$(B)' tests/fuzz/fuzz.py --seconds=$(T)

mutants: install-deps ## break the code on purpose and see that named tests notice
	@B='$(B)' CC='$(CC)' tests/mutants/mutants.py

clean: ## remove what was built
	rm -rf $(B)

# $(call script,FILE): run it with the build directory in B, or say clearly that it is not there.
script = if [ -x $(1) ]; then B='$(B)' exec $(1); else echo 'make: $(1) is missing from this checkout' >&2; exit 1; fi

# What editors and clang-tidy ask for: how each file is compiled.
C_SOURCES = $(filter-out tests/bench/rabbit.c tests/template/%,$(COMMON) \
            $(wildcard proto/*.c services/*/*.c services/*/*/*.c tests/*/*.c))
compile_commands.json: FORCE | $(GEN_H)
	@for file in $(C_SOURCES); do \
	    printf '%s{"directory": "%s", "file": "%s", "command": "cc %s -c %s"}' \
	        "$$between" '$(CURDIR)' $$file '$(C_FLAGS) $(release_FLAGS)' $$file; between=', '; \
	done | sed '1s/^/[/; s/}, {/},\n {/g; $$s/$$/]\n/' >$@

# ---- generated code ------------------------------------------------------------------------------------------------

ifneq ($(wildcard proto/protogen.c),)
GEN_BASES := $(patsubst proto/%.msg,$(B)/gen/%.msg,$(MESSAGES)) \
             $(patsubst services/%/rows.msg,$(B)/gen/%_rows.msg,$(ROWS))
GEN_C := $(addsuffix .c,$(GEN_BASES)) $(B)/gen/all.msg.c $(B)/gen/services_list.c
GEN_H := $(addsuffix .h,$(GEN_BASES)) $(B)/gen/services_list.h
endif

$(B)/protogen: $(wildcard proto/*.c) $(wildcard proto/*.h)
	@mkdir -p $(@D)
	@echo '  cc $<'
	@$(CC) -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -g $(filter %.c,$^) -o $@

$(B)/gen/%_rows.msg.h $(B)/gen/%_rows.msg.c &: services/%/rows.msg $(B)/protogen
	@mkdir -p $(B)/gen
	@$(B)/protogen $< $(B)/gen/$*_rows.msg

$(B)/gen/%.msg.h $(B)/gen/%.msg.c &: proto/%.msg $(B)/protogen
	@mkdir -p $(B)/gen
	@$(B)/protogen $< $(B)/gen/$*.msg

$(B)/gen/all.msg.c: $(MESSAGES) $(ROWS) $(B)/protogen
	@mkdir -p $(B)/gen
	@$(B)/protogen --all $@ $(MESSAGES) $(ROWS)

$(B)/gen/services_list.c $(B)/gen/services_list.h &: deploy/services.txt deploy/services.sh
	@mkdir -p $(B)/gen
	@deploy/services.sh c >$(B)/gen/services_list.c
	@deploy/services.sh h >$(B)/gen/services_list.h

# ---- compiling, once for each flavour ------------------------------------------------------------------------------

define archive
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $(filter %.o,$^)
endef

define link
	@mkdir -p $(@D)
	@echo '  link $@'
	@$(1) $(2) $(LINK_FLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(MODULE_LIBS) -o $@
endef

# $(call flavour,NAME,DIR)
define flavour
# The flags as they were: objects are made anew when they change, not with every edit of this file.
$(2)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$$($(1)_CC) $$(C_FLAGS) $$($(1)_FLAGS)' | cmp -s - $$@ || echo '$$($(1)_CC) $$(C_FLAGS) $$($(1)_FLAGS)' >$$@

$(2)/obj/%.o: %.c $(2)/flags | $$(GEN_H)
	@mkdir -p $$(@D)
	@echo '  cc $$<$(if $(filter-out release,$(1)), ($(1)))'
	@$$($(1)_CC) $$(C_FLAGS) $$($(1)_FLAGS) -MMD -MP -c $$< -o $$@

$(2)/obj/gen/%.o: $$(B)/gen/%.c $(2)/flags | $$(GEN_H)
	@mkdir -p $$(@D)
	@$$($(1)_CC) $$(C_FLAGS) $$($(1)_FLAGS) -MMD -MP -c $$< -o $$@

$(2)/libcommon.a: $$(COMMON:%.c=$(2)/obj/%.o) $$(GEN_C:$$(B)/gen/%.c=$(2)/obj/gen/%.o)
	$$(archive)

$(2)/libtest.a: $$(TEST_LIB:%.c=$(2)/obj/%.o)
	$$(archive)

$(foreach folder,$(FOLDERS),$(call folder_rules,$(folder),$(2))
)
$(foreach service,$(SERVICES),$(call service_rules,$(1),$(service),$(2))
)
endef

sources = $(filter-out services/$(1)/main.c,$(wildcard services/$(1)/*.c services/$(1)/*/*.c))
program = bin/$(if $(filter cli,$(1)),kefu,kefu-$(1))

# The files of a folder without its main(), for its tests.
define folder_rules
$(2)/lib/lib$(1).a: $(patsubst %.c,$(2)/obj/%.o,$(call sources,$(1)))
	$$(archive)
endef

define service_rules
$(3)/$(call program,$(2)): $(3)/obj/services/$(2)/main.o $(patsubst %.c,$(3)/obj/%.o,$(call sources,$(2))) \
  $(3)/libcommon.a
	$$(call link,$$($(1)_CC),$$($(1)_FLAGS))
endef

$(eval $(call flavour,release,$(B)))
$(eval $(call flavour,test,$(B)/test))
$(eval $(call flavour,fuzz,$(B)/fuzz))

programs: $(foreach service,$(SERVICES),$(B)/$(call program,$(service)))
ifneq ($(wildcard proto/protogen.c),)
programs: $(B)/protogen
endif
programs: $(B)/libcommon.a
unit-tests: $(UNIT:%=$(B)/test/%)
tests: unit-tests $(INTEGRATION:%=$(B)/test/%) $(B)/test/faultproxy $(FUZZERS:%=$(B)/test/fuzz/%) \
       $(foreach service,$(SERVICES),$(B)/test/$(call program,$(service)))
fuzzers: $(FUZZERS:%=$(B)/fuzz/%)
benches: $(BENCHES:%=$(B)/bench/%)

# ---- tests, fuzzers, benchmarks ------------------------------------------------------------------------------------

# test_<folder>_x.c, fuzz_<folder>_x.c and bench_<folder>_x.c are linked with that service's files.
named = $(firstword $(filter $(FOLDERS),$(subst _, ,$(notdir $(1)))))
needs = $(foreach folder,$(call named,$(1)),$(2)/lib/lib$(folder).a)

define test_rules
$(B)/test/$(1): $(B)/test/obj/tests/$(1).o $(B)/test/libtest.a $(call needs,$(1),$(B)/test) $(B)/test/libcommon.a
	$$(call link,$$(test_CC),$$(test_FLAGS))
endef
$(foreach test,$(UNIT) $(INTEGRATION),$(eval $(call test_rules,$(test))))

# The fault proxy stands alone: a network for fault tests.
$(B)/test/faultproxy: $(B)/test/obj/tests/fault/proxy.o
	$(call link,$(test_CC),$(test_FLAGS))

define fuzz_rules
$(B)/fuzz/$(1): $(B)/fuzz/obj/tests/fuzz/$(1).o $(call needs,$(1),$(B)/fuzz) $(B)/fuzz/libcommon.a
	$$(call link,$$(fuzz_CC),$$(fuzz_FLAGS) -fsanitize=fuzzer)
endef
$(foreach fuzzer,$(FUZZERS),$(eval $(call fuzz_rules,$(fuzzer))))

# The same without a fuzzer: it runs what is kept in tests/fuzz/corpus, with every `make test`.
define replay_rules
$(B)/test/fuzz/$(1): $(B)/test/obj/tests/fuzz/$(1).o $(B)/test/obj/tests/fuzz/replay.o $(call needs,$(1),$(B)/test) $(B)/test/libcommon.a
	$$(call link,$$(test_CC),$$(test_FLAGS))
endef
$(foreach fuzzer,$(FUZZERS),$(eval $(call replay_rules,$(fuzzer))))

define bench_rules
$(B)/bench/$(1): $(B)/obj/tests/bench/$(1).o $(call needs,$(1),$(B)) $(B)/libcommon.a
	$$(call link,$$(release_CC),$$(release_FLAGS))
endef
$(foreach bench,$(BENCHES),$(eval $(call bench_rules,$(bench))))
$(B)/bench/rabbit: LINK_FLAGS += -Wl,--no-as-needed -lrabbitmq

FORCE:

# Keep objects and generated files; read the header dependencies that the compiler wrote.
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
