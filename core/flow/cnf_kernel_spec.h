/* cnf_kernel_spec.h - a flow as a device is told of it. */
#ifndef AFFJORD_FLOW_CNF_KERNEL_SPEC_H
#define AFFJORD_FLOW_CNF_KERNEL_SPEC_H

#include "backend/fused_kernel_spec.h"
#include "flow/cnf.h"

/* Whether a device takes such a flow at all, as can be said before there is one. Errors: STATUS_INVALID with the
 * setting that makes it the processor's. */
status cnf_kernel_supports(const cnf_spec *spec, error_info *err);

/* What of *out is the flow's: all but the batches and what trains it. Errors: STATUS_INVALID for a flow that only the
 * processor can train, with the setting that makes it so. */
status cnf_kernel_spec(const cnf *flow, fused_kernel_spec *out, error_info *err);

/* path (evaluations) <- the clock at every evaluation of a forward solve; only for CONTEXT_CLOCK. */
void cnf_clock_path(const cnf *flow, real *path);

/* Evaluations of the field in one solve. */
size_t cnf_evaluations(const cnf *flow);

#endif
