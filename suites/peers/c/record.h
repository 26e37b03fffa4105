/* The default recording, shared by all works: blocks of LANES trajectories, OpenMP over blocks.
 *
 * A work defines DIM, MEMORY (floats a coordinate remembers), LANES and CORES (basins known by ellipsoids only),
 * includes this, and gives
 *     step(b, w, k): v = L(x_k), next = x_(k+1), and the flags `v <= b->level` and `x outside [lo, hi)`, or-ed;
 *     value(b, i): L(x) of one lane, in the same order of operations.
 * Only lanes whose flag is up are looked at one by one; the events and their steps are those of a test at every step.
 * Tried beside it: selects at every step (0.69 ns an update of the capped quartic instead of 0.43) and GCC's vector
 * types with everything in registers (0.43 as well).
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NEVER 1.7976931348623157e308 /* a wall or level that nothing meets; -ffast-math knows no infinity */

typedef struct {
    const double *x0; /* (DIM, n) */
    int64_t n, steps, count, seed; /* count: of separators, or of cores */
    double lr, amplitude, target;
    const double *parameters; /* of the rule */
    const double *separators, *floors, *margins; /* places from left to right */
    const double *centres, *hessians, *halves; /* (count, DIM), (count, DIM, DIM), (count, DIM) */
    const int64_t *stream, *basin; /* (n,) */
    int64_t *t_exit, *t_commit, *t_hit; /* (n,) */
    double *best, *value, *x; /* (n,), (n,), (DIM, n) */
} Work;

typedef struct {
    double x[DIM][LANES], next[DIM][LANES], lo[DIM][LANES], hi[DIM][LANES];
    double v[LANES], best[LANES], level[LANES]; /* level: the highest L that anybody waits for */
    double core[LANES]; /* L at or below it is in the core of the present well; -NEVER: of no interest */
    double memory[MEMORY + 1][DIM][LANES], even[DIM][LANES], odd[DIM][LANES];
    double averages[2]; /* what a rule keeps once for all lanes */
    int64_t t_exit[LANES], t_commit[LANES], t_hit[LANES], stream[LANES], start[DIM][LANES], place[DIM][LANES];
} __attribute__((aligned(64))) Block;

static int64_t step(Block *restrict b, const Work *w, int64_t k);
static double value(const Block *b, int i);

static int64_t position(const double *separators, int64_t count, double x) {
    int64_t lo = 0, hi = count;
    while (lo < hi) {
        int64_t middle = (lo + hi) / 2;
        if (x < separators[middle]) hi = middle;
        else lo = middle + 1;
    }
    return lo;
}

/* The largest y with y - base <= margin: one comparison then serves for the difference. */
static double highest(double base, double margin) {
    double y = base + margin;
    while (y - base > margin) y = nextafter(y, -NEVER);
    while (nextafter(y, NEVER) - base <= margin) y = nextafter(y, NEVER);
    return y;
}

#if CORES
/* (x - m)' H (x - m) of core j. */
static double depth(const Block *b, const Work *w, int i, int64_t j) {
    double q = 0.0;
    for (int c = 0; c < DIM; c++) {
        double u = b->x[c][i] - w->centres[j * DIM + c];
        for (int d = 0; d < DIM; d++)
            q += u * w->hessians[(j * DIM + c) * DIM + d] * (b->x[d][i] - w->centres[j * DIM + d]);
    }
    return q;
}

/* Is lane i in another core?  Else walls that no other core reaches into: one face of each core's bounding box,
 * or, within a box and outside its ellipsoid, a cube around x that stays outside. */
static void walls(Block *b, const Work *w, int i, int64_t k) {
    for (int d = 0; d < DIM; d++) b->lo[d][i] = -NEVER, b->hi[d][i] = NEVER;
    for (int64_t j = 0; j < w->count; j++)
        if (depth(b, w, i, j) <= 2.0 * w->margins[j]) {
            if (j == b->start[0][i]) break;
            b->t_exit[i] = b->t_commit[i] = k;
            return;
        }
    for (int64_t j = 0; j < w->count; j++) {
        const double *m = w->centres + j * DIM, *half = w->halves + j * DIM;
        int axis = 0;
        double gap = -NEVER, square = 0.0;
        if (j == b->start[0][i]) continue;
        for (int d = 0; d < DIM; d++)
            if (fabs(b->x[d][i] - m[d]) - half[d] > gap) axis = d, gap = fabs(b->x[d][i] - m[d]) - half[d];
        if (gap > 0.0) {
            if (b->x[axis][i] < m[axis]) b->hi[axis][i] = fmin(b->hi[axis][i], m[axis] - half[axis]);
            else b->lo[axis][i] = fmax(b->lo[axis][i], m[axis] + half[axis]);
            continue;
        }
        for (int c = 0; c < DIM * DIM; c++) square += w->hessians[j * DIM * DIM + c] * w->hessians[j * DIM * DIM + c];
        double outside = sqrt(depth(b, w, i, j)) * (1.0 - 1e-9) - sqrt(2.0 * w->margins[j]);
        double r = fmax(outside, 0.0) / sqrt(sqrt(square) * DIM);
        for (int d = 0; d < DIM; d++) {
            b->lo[d][i] = fmax(b->lo[d][i], b->x[d][i] - r);
            b->hi[d][i] = fmin(b->hi[d][i], b->x[d][i] + r);
        }
    }
}
#else
/* The well that holds lane i, its walls, and its core where it is not the start's well. */
static void walls(Block *b, const Work *w, int i, int64_t k) {
    double base = 0.0, margin = NEVER;
    int away = 0;
    for (int d = 0; d < DIM; d++) {
        int64_t p = b->place[d][i] = position(w->separators, w->count, b->x[d][i]);
        b->lo[d][i] = p > 0 ? w->separators[p - 1] : -NEVER;
        b->hi[d][i] = p < w->count ? w->separators[p] : NEVER;
        base += w->floors[p];
        margin = w->margins[p] < margin ? w->margins[p] : margin;
        away |= p != b->start[d][i];
    }
    if (away && b->t_exit[i] < 0) b->t_exit[i] = k;
    b->core[i] = away ? highest(base, margin) : -NEVER;
}
#endif

/* What x_k and L(x_k) of the lanes with a flag up mean. */
static __attribute__((noinline)) void events(Block *b, const Work *w, int64_t k) {
    for (int i = 0; i < LANES; i++) {
        int outside = 0;
        for (int d = 0; d < DIM; d++) outside |= (b->x[d][i] < b->lo[d][i]) | (b->x[d][i] >= b->hi[d][i]);
        if (!outside && b->v[i] > b->level[i]) continue;
        if (outside) walls(b, w, i, k);
        if (b->t_commit[i] < 0 && b->v[i] <= b->core[i]) b->t_commit[i] = k;
        if (b->t_hit[i] < 0 && b->v[i] <= w->target) b->t_hit[i] = k;
        if (b->t_commit[i] >= 0) { /* nothing more depends on where it is */
            b->core[i] = -NEVER;
            for (int d = 0; d < DIM; d++) b->lo[d][i] = -NEVER, b->hi[d][i] = NEVER;
        }
        b->level[i] = b->t_hit[i] < 0 && w->target > b->core[i] ? w->target : b->core[i];
    }
}

static void load(Block *b, const Work *w, int64_t first) {
    memset(b, 0, sizeof *b);
    for (int i = 0; i < LANES; i++) {
        int64_t j = first + i < w->n ? first + i : w->n - 1; /* spare lanes repeat the last one */
        b->best[i] = NEVER;
        b->core[i] = -NEVER;
        b->level[i] = w->target;
        b->t_exit[i] = b->t_commit[i] = b->t_hit[i] = -1;
        b->stream[i] = w->stream[j];
        for (int d = 0; d < DIM; d++) {
            b->x[d][i] = w->x0[d * w->n + j];
            b->start[d][i] = CORES ? w->basin[j] : position(w->separators, w->count, b->x[d][i]);
        }
        walls(b, w, i, 0);
    }
}

void run(const Work *w) {
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t first = 0; first < w->n; first += LANES) {
        Block b;
        load(&b, w, first);
        for (int64_t k = 0; k < w->steps; k++) {
            if (__builtin_expect(step(&b, w, k) != 0, 0)) events(&b, w, k);
            memcpy(b.x, b.next, sizeof b.x);
        }
        for (int i = 0; i < LANES; i++) {
            b.v[i] = value(&b, i);
            b.best[i] = b.v[i] < b.best[i] ? b.v[i] : b.best[i];
        }
        events(&b, w, w->steps);
        for (int i = 0; i < LANES && first + i < w->n; i++) {
            int64_t j = first + i;
            w->t_exit[j] = b.t_exit[i], w->t_commit[j] = b.t_commit[i], w->t_hit[j] = b.t_hit[i];
            w->best[j] = b.best[i], w->value[j] = b.v[i];
            for (int d = 0; d < DIM; d++) w->x[d * w->n + j] = b.x[d][i];
        }
    }
}
