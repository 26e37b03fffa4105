/* The capped flow on Himmelblau's function. */
#define DIM 2
#define MEMORY 0
#define LANES 64
#define CORES 1
#include "record.h"

static double value(const Block *b, int i) {
    double x = b->x[0][i], y = b->x[1][i];
    double u = x * x + y - 11.0, v = x + y * y - 7.0;
    return u * u + v * v;
}

static inline int64_t step(Block *restrict b, const Work *w, int64_t k) {
    double lr = w->lr, cap = w->parameters[0], f_star = w->parameters[1];
    int64_t flag = 0;
    (void)k;
    for (int i = 0; i < LANES; i++) {
        double x = b->x[0][i], y = b->x[1][i];
        double u = x * x + y - 11.0, v = x + y * y - 7.0, height = u * u + v * v;
        double g0 = 4.0 * (x * u) + 2.0 * v, g1 = 2.0 * u + 4.0 * (y * v);
        double norm = sqrt(g0 * g0 + g1 * g1), quotient = 1.0 / norm;
        double inverse = norm > 1e-300 ? quotient : 0.0;
        double size = (cap < inverse ? cap : inverse) * (lr * (height - f_star));
        flag |= (height <= b->level[i]) | (x < b->lo[0][i]) | (x >= b->hi[0][i]);
        flag |= (y < b->lo[1][i]) | (y >= b->hi[1][i]);
        b->best[i] = height < b->best[i] ? height : b->best[i];
        b->v[i] = height;
        b->next[0][i] = x + -(g0 * inverse) * size;
        b->next[1][i] = y + -(g1 * inverse) * size;
    }
    return flag;
}
