/* The quartic as losses/quartic.py has it, operation for operation. */
static const double A = 0.406929669182746417518673566473, B = 1.84307033081725358248132643353;
static const double R = 3.09307033081725358248132643353, S = 0.232675827043133956203316083818;

static inline double quartic(double x) {
    double u = x - A, v = x - R;
    return u * u * (v * v + S);
}

static inline double slope(double x) { return 4.0 * (x - A) * ((x - B) * (x - 3.0)); }
