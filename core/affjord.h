/* affjord.h - the library's public interface.
 *
 * The public interface is this file and every header that it includes, directly or not. `make install` copies these
 * headers to include/affjord. The shared library exports exactly the functions that they declare.
 * docs/reference/library.md is the introduction. */
#ifndef AFFJORD_AFFJORD_H
#define AFFJORD_AFFJORD_H

#include "backend/cpu/cpu.h"
#include "base/parallel.h"
#include "base/parameters.h"
#include "base/random.h"
#include "base/real.h"
#include "base/status.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/image_batch.h"
#include "data/npy.h"
#include "data/table.h"
#include "field/image_model.h"
#include "field/own_field.h"
#include "flow/chain.h"
#include "flow/cnf.h"
#include "model/fit.h"
#include "model/model.h"
#include "ode/solve.h"
#include "ode/tableau.h"
#include "train/checkpoint.h"
#include "train/objective.h"
#include "train/trainer.h"

#endif
