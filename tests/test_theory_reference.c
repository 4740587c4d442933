/* test_theory_reference.c - solves and derivatives against CVODES, an independent solver.
 *
 * CVODES (Serban, Hindmarsh 2005) integrates w with forward sensitivities to its start and to some parameters by Adams'
 * methods of variable order. The library provides only the right-hand side h(w); that of the sensitivities is computed
 * by differences of h. Only in the double build. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/cable.h"
#include "theory/derivative.h"
#include "theory/matrix.h"
#include "theory/statements_internal.h"

#ifdef AFFJORD_DOUBLE

#include <cvodes/cvodes.h>
#include <nvector/nvector_serial.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>

enum { N_MAX = 8, SEEN = 8, ALL_MAX = N_MAX + SEEN };

/* The results of CVODES. */
typedef struct reference {
    double w[N_MAX]; /* at T */
    double Y[N_MAX * N_MAX]; /* dw(T)/dw(0) */
    size_t seen[SEEN]; /* the selected parameters */
    double by_parameter[N_MAX][SEEN]; /* dw(T)/dtheta for these */
} reference;

typedef struct problem {
    dynamics *of;
    real *params;
    const size_t *seen;
} problem;

static int rate(realtype t, N_Vector y, N_Vector ydot, void *argument) {
    (void)t;
    const problem *p = argument;
    dynamics_value(p->of, N_VGetArrayPointer(y), N_VGetArrayPointer(ydot));
    return 0;
}

/* out (n) <- h(w + by s) with the parameter, if there is one, moved by `by`. */
static void moved(const problem *p, const double *w, const double *s, real *moving, double by, double *out) {
    double at[N_MAX];
    const real kept = moving ? *moving : 0;
    for (size_t i = 0; i < p->of->n; i++) at[i] = w[i] + by * s[i];
    if (moving) *moving = kept + by;
    dynamics_value(p->of, at, out);
    if (moving) *moving = kept;
}

/* ds/dt = dh/dw s + dh/dparameter, as one derivative along (s, 1): central differences, extrapolated once. */
static int sensitivity(int count, realtype t, N_Vector y, N_Vector ydot, int which, N_Vector s, N_Vector sdot,
                       void *argument, N_Vector unused, N_Vector also_unused) {
    (void)count, (void)t, (void)ydot, (void)unused, (void)also_unused;
    const problem *p = argument;
    const size_t n = p->of->n, index = (size_t)which;
    const double *at = N_VGetArrayPointer(y), *along = N_VGetArrayPointer(s);
    real *moving = index < n ? NULL : &p->params[p->seen[index - n]];
    double h[4][N_MAX], size = 1, *out = N_VGetArrayPointer(sdot);
    for (size_t i = 0; i < n; i++) size = fmax(size, fabs(along[i]));
    const double by = 2e-4 / size; /* short: g has a kink in its second derivative */
    moved(p, at, along, moving, by, h[0]);
    moved(p, at, along, moving, -by, h[1]);
    moved(p, at, along, moving, 2 * by, h[2]);
    moved(p, at, along, moving, -2 * by, h[3]);
    for (size_t i = 0; i < n; i++) out[i] = (8 * (h[0][i] - h[1][i]) - (h[2][i] - h[3][i])) / (12 * by);
    return 0;
}

#define GOOD(call) cr_assert_eq(call, 0, #call)

static void solve(dynamics *of, real *params, double T, const real *start, reference *out) {
    const size_t n = of->n, P = of->parameters, count = n + SEEN;
    double absolute[ALL_MAX];
    cr_assert(n <= N_MAX && P >= SEEN);
    for (size_t k = 0; k < SEEN; k++) out->seen[k] = k * (P - 1) / (SEEN - 1); /* from the first to the last */
    problem self = {.of = of, .params = params, .seen = out->seen};

    SUNContext environment;
    GOOD(SUNContext_Create(NULL, &environment));
    memcpy(out->w, start, n * sizeof *start);
    N_Vector y = N_VMake_Serial((sunindextype)n, out->w, environment);
    N_Vector *s = N_VCloneVectorArray((int)count, y);
    for (size_t k = 0; k < count; k++) {
        absolute[k] = 1e-12;
        N_VConst(0, s[k]);
        if (k < n) N_VGetArrayPointer(s[k])[k] = 1;
    }
    void *memory = CVodeCreate(CV_ADAMS, environment);
    GOOD(CVodeInit(memory, rate, 0, y));
    GOOD(CVodeSStolerances(memory, 1e-11, 1e-12));
    GOOD(CVodeSetUserData(memory, &self));
    GOOD(CVodeSetMaxNumSteps(memory, 20000));
    GOOD(CVodeSetStopTime(memory, T));
    GOOD(CVodeSensInit1(memory, (int)count, CV_SIMULTANEOUS, sensitivity, s));
    GOOD(CVodeSensSStolerances(memory, 1e-11, absolute));
    GOOD(CVodeSetSensErrCon(memory, SUNTRUE));
    SUNNonlinearSolver alone = SUNNonlinSol_FixedPoint(y, 0, environment); /* required by CVODES, although unused */
    SUNNonlinearSolver together = SUNNonlinSol_FixedPointSens((int)count + 1, y, 0, environment);
    GOOD(CVodeSetNonlinearSolver(memory, alone));
    GOOD(CVodeSetNonlinearSolverSensSim(memory, together));

    realtype reached;
    cr_assert_geq(CVode(memory, T, y, &reached, CV_NORMAL), 0);
    cr_assert_eq(reached, T);
    GOOD(CVodeGetSens(memory, &reached, s));
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < n; i++) {
            const double entry = N_VGetArrayPointer(s[k])[i];
            if (k < n) out->Y[i * n + k] = entry;
            else out->by_parameter[i][k - n] = entry;
        }
    CVodeFree(&memory);
    SUNNonlinSolFree(alone);
    SUNNonlinSolFree(together);
    N_VDestroyVectorArray(s, (int)count);
    N_VDestroy(y);
    SUNContext_Free(&environment);
}

static cnf_spec specification(cnf_context context) {
    return (cnf_spec){.dimension = 2,
                      .width = 4,
                      .context = context,
                      .join = context == CONTEXT_AUGMENTED,
                      .hypernet_layers = 1,
                      .hypernet_width = 4,
                      .augmented_dimension = 2,
                      .augmented_width = 3,
                      .learn_start = true,
                      .end_time = 1.3,
                      .base_variance = 0.8,
                      .solver = TABLEAU_RK4,
                      .steps = 200};
}

static const real x[2] = {0.6, -0.9};

/* A field, its initial state, and the results of CVODES. */
typedef struct subject {
    cnf_spec spec;
    dynamics *of;
    real *params;
    real w[N_MAX];
    reference expected;
} subject;

static void begin(subject *self, cnf_context context) {
    self->spec = specification(context);
    cr_assert_eq(theory_draw(&self->spec, 5, 2, &self->of, &self->params), STATUS_OK);
    dynamics_start(self->of, x, self->w);
    solve(self->of, self->params, self->spec.end_time, self->w, &self->expected);
}

static void end(subject *self) {
    dynamics_destroy(&self->of);
    free(self->params);
}

TestSuite(theory_reference, .timeout = 60);

Test(theory_reference, trajectory_and_cable_rule) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        subject self;
        begin(&self, context);
        const size_t n = self.of->n;
        const solve_spec grid_of_200 = {.method = tableau_get(TABLEAU_RK4), .steps = 200};
        const solve_spec adaptive = {.method = tableau_get(TABLEAU_DOPRI5),
                                     .options = {.atol = 1e-11, .rtol = 1e-11, .stop_at_end = true}};
        const solve_spec *solves[] = {&grid_of_200, &adaptive};
        for (size_t k = 0; k < 2; k++) {
            real at[N_MAX];
            double Y[N_MAX * N_MAX];
            cable out = {.Y = Y};
            memcpy(at, self.w, sizeof at);
            cr_assert_eq(cable_move(self.of, solves[k], self.spec.end_time, at), STATUS_OK);
            double distance = matrix_distance(n, at, self.expected.w);
            cr_assert_leq(distance, 1e-9, "context %d, w(T) is %g apart", (int)context, distance);
            memcpy(at, self.w, sizeof at);
            cr_assert_eq(cable_solve(self.of, solves[k], self.spec.end_time, at, &out), STATUS_OK);
            distance = matrix_distance(n * n, Y, self.expected.Y);
            cr_assert_leq(distance, 1e-8, "context %d, dw(T)/dw(0) is %g apart", (int)context, distance);
            for (size_t i = 2; i < n; i++)
                cr_assert(Y[i * n] == 0 && Y[i * n + 1] == 0, "z does not act on the context");
        }
        end(&self);
    }
}

Test(theory_reference, total_derivatives_four_ways) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        subject self;
        begin(&self, context);
        const size_t P = self.of->parameters;
        const derivative_piece piece = {.of = self.of, .time = self.spec.end_time, .factor = 1};
        double *derivative = calloc(2 * P, sizeof *derivative), size = 0;
        for (derivative_way way = 0; way < DERIVATIVE_WAYS; way++) {
            cr_assert_eq(derivative_take(way, 1, &piece, P, 100, self.w, derivative), STATUS_OK);
            for (size_t i = 0; i < 2; i++)
                for (size_t k = 0; k < SEEN; k++) {
                    const double seen = derivative[i * P + self.expected.seen[k]];
                    size = fmax(size, fabs(seen));
                    cr_assert_float_eq(seen, self.expected.by_parameter[i][k], 1e-8, "%s: %.12g, CVODES gives %.12g",
                                       derivative_name(way), seen, self.expected.by_parameter[i][k]);
                }
        }
        cr_assert_gt(size, 1e-2);
        free(derivative);
        end(&self);
    }
}

/* The flow's z(T) and log-density: the determinant of CVODES's dz(T)/dz(0), the trace of the cable rule's, and the
 * integral that the flow itself takes. */
Test(theory_reference, image_and_density_of_the_flow) {
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        subject self;
        begin(&self, context);
        const size_t n = self.of->n;
        const reference *expected = &self.expected;
        cnf *flow;
        cr_assert_eq(cnf_create(&self.spec, 1, NULL, &flow, NULL), STATUS_OK);
        real z[2];
        double log_density, determinant;
        cnf_transform(flow, self.params, x, 1, (random_stream){.seed = 1}, z, &log_density, NULL);
        cr_assert_leq(matrix_distance(2, z, expected->w), 1e-9);
        const double s2 = self.spec.base_variance;
        const double base = -log(2 * acos(-1) * s2) - (z[0] * z[0] + z[1] * z[1]) / (2 * s2);
        const double block[] = {expected->Y[0], expected->Y[1], expected->Y[n], expected->Y[n + 1]};
        cr_assert_eq(matrix_log_determinant(2, block, &determinant), STATUS_OK);
        cr_assert_gt(fabs(determinant), 1e-2);
        cr_assert_float_eq(log_density - base, determinant, 1e-8);

        double Y[N_MAX * N_MAX];
        cable out = {.Y = Y};
        const solve_spec by = {.method = tableau_get(TABLEAU_RK4), .steps = self.spec.steps};
        cr_assert_eq(cable_solve(self.of, &by, self.spec.end_time, self.w, &out), STATUS_OK);
        cr_assert_float_eq(log_density - base, out.trace_z, 1e-13);
        cnf_destroy(&flow);
        end(&self);
    }
}

#endif
