/* Normals by Philox4x32-10 and Box & Muller: the counters of kernels/noise.py and the polynomials of
 * kernels/elementary.py, to the last bit.  Where those add 1.5 * 2^52 to round or to convert an integer, here stand
 * rint and conversions, which give the same numbers and survive -ffast-math. */

static inline double as_double(uint64_t bits) {
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

static inline uint64_t as_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits;
}

/* ln x of a positive normal x. */
static inline double log_positive(double x) {
    uint64_t i = as_bits(x) + 0x00095F619980C433u;
    double k = (double)((int64_t)(i >> 52) - 1023);
    double f = as_double((i & 0x000FFFFFFFFFFFFFu) + 0x3FE6A09E667F3BCDu) - 1.0;
    double s = f / (2.0 + f), z = s * s;
    double p = 0.14756586695948504;
    p = p * z + 0.15318224634218666;
    p = p * z + 0.1818338964255967;
    p = p * z + 0.2222220221646108;
    p = p * z + 0.2857142870322629;
    p = p * z + 0.39999999999614183;
    p = p * z + 0.6666666666666698;
    double half_square = 0.5 * f * f;
    return k * 0.6931471805601177 - ((half_square - (s * (half_square + z * p) + k * -1.7239444525614835e-13)) - f);
}

/* sqrt(-2 ln v) sin 2 pi u into even, with the cosine into odd, for step pair `pair` of every lane. */
static inline void draw(Block *restrict b, int d, uint64_t pair, uint64_t seed) {
    for (int i = 0; i < LANES; i++) {
        uint64_t c0 = pair & 0xFFFFFFFFu, c1 = d, stream = b->stream[i];
        uint64_t c2 = stream & 0xFFFFFFFFu, c3 = stream >> 32, k0 = seed & 0xFFFFFFFFu, k1 = seed >> 32;
#pragma GCC unroll 10
        for (int round = 0; round < 10; round++) {
            uint64_t a = c0 * 0xD2511F53u, e = c2 * 0xCD9E8D57u;
            c0 = (e >> 32) ^ c1 ^ k0;
            c2 = (a >> 32) ^ c3 ^ k1;
            c1 = e & 0xFFFFFFFFu;
            c3 = a & 0xFFFFFFFFu;
            k0 = (k0 + 0x9E3779B9u) & 0xFFFFFFFFu;
            k1 = (k1 + 0xBB67AE85u) & 0xFFFFFFFFu;
        }
        double v = 1.0 - (double)(int64_t)(c0 << 21 | c1 >> 11) * 0x1p-53;
        double u = (double)(int64_t)(c2 << 21 | c3 >> 11) * 0x1p-53;
        double radius = sqrt(-2.0 * log_positive(v));
        double quarters = 4.0 * u, whole = rint(quarters), f = quarters - whole, z = f * f;
        double p = 5.636360964983951e-08;
        p = p * z + -3.5986623357240436e-06;
        p = p * z + 0.00016044115637073864;
        p = p * z + -0.004681754133122526;
        p = p * z + 0.07969262624609326;
        p = p * z + -0.6459640975062455;
        double s = f * 1.5707963267948966 + f * (z * p + 6.123233995736766e-17);
        p = -6.32378446176759e-09;
        p = p * z + 4.7106326463832675e-07;
        p = p * z + -2.5202037593197276e-05;
        p = p * z + 0.000919260274331133;
        p = p * z + -0.020863480763325074;
        p = p * z + 0.25366950790104736;
        p = p * z + -1.2337005501361697;
        double c = 1.0 + z * p;
        uint64_t quadrant = (uint64_t)(int64_t)whole;
        double sine = quadrant & 1 ? c : s, cosine = quadrant & 1 ? s : c;
        b->even[d][i] = radius * as_double(as_bits(sine) ^ (quadrant >> 1) << 63);
        b->odd[d][i] = radius * as_double(as_bits(cosine) ^ (quadrant + 1) >> 1 << 63);
    }
}
