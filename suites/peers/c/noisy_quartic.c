/* Gradient descent with Gaussian noise on the quartic: a draw serves an even step and the odd one after it. */
#define DIM 1
#define MEMORY 0
#define LANES 64
#define CORES 0
#include "record.h"
#include "noise.h"
#include "quartic.h"

static double value(const Block *b, int i) { return quartic(b->x[0][i]); }

static inline int64_t step(Block *restrict b, const Work *w, int64_t k) {
    double lr = w->lr, amplitude = w->amplitude;
    const double *z = k % 2 ? b->odd[0] : b->even[0];
    int64_t flag = 0;
    if (k % 2 == 0) draw(b, 0, (uint64_t)k / 2, (uint64_t)w->seed);
    for (int i = 0; i < LANES; i++) {
        double x = b->x[0][i], v = quartic(x);
        flag |= (v <= b->level[i]) | (x < b->lo[0][i]) | (x >= b->hi[0][i]);
        b->best[i] = v < b->best[i] ? v : b->best[i];
        b->v[i] = v;
        b->next[0][i] = x + -lr * slope(x) + amplitude * z[i];
    }
    return flag;
}
