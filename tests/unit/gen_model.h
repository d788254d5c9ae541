/* SPDX-License-Identifier: MIT */
/* gen_model.h - a model, made by hand, with every type, form, kind of stream and command. */
#ifndef TESTS_UNIT_GEN_MODEL_H
#define TESTS_UNIT_GEN_MODEL_H

#include "db/gen/model.h"

/* Each test runs in a process of its own, and may change it. */
struct slu_model *gen_model_every(void);

#endif
