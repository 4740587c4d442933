/* peers_arkode.c - SUNDIALS ARKODE's explicit methods (ERKStep) on the fields of peers.py, with its defaults. */
#include <arkode/arkode_erkstep.h>
#include <nvector/nvector_serial.h>

#define PEER_REAL sunrealtype
#include "peers_fields.h"

static int evaluate(sunrealtype t, N_Vector y, N_Vector dy, void *context) {
    peer_evaluate(context, t, N_VGetArrayPointer(y), N_VGetArrayPointer(dy));
    return 0;
}

int main(void) {
    static const struct {
        const char *name;
        ARKODE_ERKTableID table;
    } methods[] = {{"heun2", ARKODE_HEUN_EULER_2_1_2},
                   {"bosh3", ARKODE_BOGACKI_SHAMPINE_4_2_3},
                   {"dopri5", ARKODE_DORMAND_PRINCE_7_4_5},
                   {"fehlberg8", ARKODE_FEHLBERG_13_7_8}};
    static peer_field field;
    char name[16];
    SUNContext world;
    if (SUNContext_Create(NULL, &world) != 0) return 1;
    while (peer_read(stdin, &field, name))
        for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
            for (int digits = 3; digits <= (strcmp(methods[m].name, "heun2") == 0 ? 5 : 8); digits++) {
                const double tolerance = pow(10, -digits);
                N_Vector y = N_VMake_Serial((sunindextype)field.length, field.start, world);
                N_Vector end = N_VClone(y);
                N_VScale(1, y, end);
                void *solver = ERKStepCreate(evaluate, 0, end, world);
                sunrealtype t = 0, first = 0;
                long evaluations = 0, failed = 0;
                int flag = ERKStepSetUserData(solver, &field) | ERKStepSStolerances(solver, tolerance, tolerance) |
                           ERKStepSetTableNum(solver, methods[m].table) | ERKStepSetMaxNumSteps(solver, 1000000);
                if (flag == 0) flag = ERKStepEvolve(solver, field.end, end, &t, ARK_NORMAL);
                if (flag != 0) N_VConst(NAN, end);
                ERKStepGetNumRhsEvals(solver, &evaluations);
                ERKStepGetNumErrTestFails(solver, &failed);
                ERKStepGetActualInitStep(solver, &first);
                peer_print("arkode", &field, methods[m].name, tolerance, evaluations, failed, first,
                           N_VGetArrayPointer(end));
                ERKStepFree(&solver);
                N_VDestroy(end);
                N_VDestroy(y);
            }
    SUNContext_Free(&world);
    return 0;
}
