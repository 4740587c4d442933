/* cnf_internal.h - what a flow of points is made of. */
#ifndef AFFJORD_FLOW_CNF_INTERNAL_H
#define AFFJORD_FLOW_CNF_INTERNAL_H

#include "field/hyper_mlp.h"
#include "flow/chain_internal.h"
#include "flow/fused.h"

struct cnf {
    cnf_spec spec; /* with its backend */
    arena memory; /* holds the flow itself */
    size_t batch_max;

    /* One of the two. */
    fused *fused;
    chain *model;

    parameter_table parameters; /* of a fused flow */
    chain_statistics last; /* of the chain's last call */
};

/* The context of a flow, `method` that of its paths; and the toy field, for so many instants at once, with room for
 * batches or not. */
context_spec cnf_context_spec(const cnf_spec *spec, const tableau *method);
hyper_mlp_spec cnf_hyper_spec(const cnf_spec *spec, size_t instants, bool batches);

#endif
