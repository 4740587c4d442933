/* affjord.h - all that the library offers to other programs.
 *
 * What this file includes, and what that includes, is the public interface:
 * `make install` puts these headers into include/affjord, and the shared
 * library exports what they declare, no more and no less. docs/reference/library.md
 * tells where to begin. */
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
#include "flow/cnf.h"
#include "flow/multiscale.h"
#include "ode/solve.h"
#include "ode/tableau.h"
#include "train/adam.h"
#include "train/checkpoint.h"
#include "train/checkpoint_parameters.h"
#include "train/image_objective.h"
#include "train/objective.h"
#include "train/point_objective.h"
#include "train/trainer.h"

#endif
