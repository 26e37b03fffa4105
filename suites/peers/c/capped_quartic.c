/* The capped flow on the quartic: one loop over the lanes, one division an update. */
#define DIM 1
#define MEMORY 0
#define LANES 64
#define CORES 0
#include "record.h"
#include "quartic.h"

static double value(const Block *b, int i) { return quartic(b->x[0][i]); }

static inline int64_t step(Block *restrict b, const Work *w, int64_t k) {
    double lr = w->lr, cap = w->parameters[0], f_star = w->parameters[1];
    int64_t flag = 0;
    (void)k;
    for (int i = 0; i < LANES; i++) {
        double x = b->x[0][i], v = quartic(x), g = slope(x), norm = fabs(g), quotient = 1.0 / norm;
        double inverse = norm > 1e-300 ? quotient : 0.0;
        double dx = -(g * inverse) * ((cap < inverse ? cap : inverse) * (lr * (v - f_star)));
        flag |= (v <= b->level[i]) | (x < b->lo[0][i]) | (x >= b->hi[0][i]);
        b->best[i] = v < b->best[i] ? v : b->best[i];
        b->v[i] = v;
        b->next[0][i] = x + dx;
    }
    return flag;
}
