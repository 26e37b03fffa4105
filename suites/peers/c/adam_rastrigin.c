/* Adam on Rastrigin in 10 dimensions.  The bias corrections are the same for all, so they are numbers of the step. */
#define DIM 10
#define MEMORY 2
#define LANES 64
#define CORES 0
#include "record.h"

/* sin pi r and cos pi r for |r| <= 1/2, as losses/rastrigin.py. */
static inline void half_turns(double r, double *sine, double *cosine) {
    double z = r * r, s = 7.697826768224191e-07, c = 4.149564353942586e-06;
    s = s * z - 2.1903497074626018e-05;
    s = s * z + 0.0004662998161898394;
    s = s * z - 0.007370430505916944;
    s = s * z + 0.0821458865731029;
    s = s * z - 0.5992645293189447;
    s = s * z + 2.5501640398773007;
    s = s * z - 5.167712780049969;
    s = s * z + 3.141592653589793;
    c = c * z - 0.00010456655338748738;
    c = c * z + 0.0019295562724817132;
    c = c * z - 0.025806888737002202;
    c = c * z + 0.23533063012953284;
    c = c * z - 1.335262768843447;
    c = c * z + 4.058712126416497;
    c = c * z - 4.934802200544676;
    c = c * z + 1.0;
    *sine = s * r;
    *cosine = c;
}

static double value(const Block *b, int i) {
    double total = 0.0, s, c;
    for (int d = 0; d < DIM; d++) {
        double x = b->x[d][i];
        half_turns(x - rint(x), &s, &c);
        total = total + (x * x + 20.0 * (s * s));
    }
    return total;
}

static inline int64_t step(Block *restrict b, const Work *w, int64_t k) {
    double lr = w->lr, beta1 = w->parameters[0], beta2 = w->parameters[1], eps = w->parameters[2];
    double c1 = b->averages[0] = beta1 * b->averages[0] + (1.0 - beta1);
    double c2 = b->averages[1] = beta2 * b->averages[1] + (1.0 - beta2);
    int64_t flag = 0;
    (void)k;
    for (int i = 0; i < LANES; i++) b->v[i] = 0.0;
    for (int d = 0; d < DIM; d++)
        for (int i = 0; i < LANES; i++) {
            double x = b->x[d][i], s, c;
            half_turns(x - rint(x), &s, &c);
            double g = 2.0 * x + 40.0 * 3.141592653589793 * (s * c);
            double m = beta1 * b->memory[0][d][i] + (1.0 - beta1) * g;
            double v = beta2 * b->memory[1][d][i] + (1.0 - beta2) * (g * g);
            double size = sqrt(v / c2) + eps, dx = -lr * ((m / c1) / size);
            b->v[i] = b->v[i] + (x * x + 20.0 * (s * s));
            b->memory[0][d][i] = m;
            b->memory[1][d][i] = v;
            flag |= (x < b->lo[d][i]) | (x >= b->hi[d][i]);
            b->next[d][i] = x + (size == 0.0 ? 0.0 : dx);
        }
    for (int i = 0; i < LANES; i++) {
        flag |= b->v[i] <= b->level[i];
        b->best[i] = b->v[i] < b->best[i] ? b->v[i] : b->best[i];
    }
    return flag;
}
