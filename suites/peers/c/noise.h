/* Normals by Philox4x32-10 and Box & Muller: the counters of kernels/noise.py and the polynomials of
 * kernels/elementary.py, to the last bit.  Where those add 1.5 * 2^52 to round or to convert an integer, here stand
 * rint and conversions, which give the same numbers and survive -ffast-math. */
#if defined(__AVX512F__) && defined(INTRINSICS)
#include <immintrin.h>
#endif

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

/* Ten rounds for every lane: two multiples of 2^-53 in [0, 1), as integers.  GCC multiplies 64 bits by 64 where it
 * cannot see that 32 by 32 will do; -DINTRINSICS takes AVX-512's own instruction where there is one. */
static inline void philox(const Block *restrict b, int d, uint64_t pair, uint64_t seed, uint64_t *first, uint64_t *second) {
#if defined(__AVX512F__) && defined(INTRINSICS)
    const __m512i low = _mm512_set1_epi64(0xFFFFFFFF);
    const __m512i ma = _mm512_set1_epi64(0xD2511F53), mb = _mm512_set1_epi64(0xCD9E8D57);
    for (int i = 0; i < LANES; i += 8) {
        __m512i stream = _mm512_loadu_si512(b->stream + i);
        __m512i c0 = _mm512_set1_epi64(pair & 0xFFFFFFFFu), c1 = _mm512_set1_epi64(d);
        __m512i c2 = stream, c3 = _mm512_srli_epi64(stream, 32); /* the multiplication ignores high halves */
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma GCC unroll 10
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
            __m512i a = _mm512_mul_epu32(c0, ma), e = _mm512_mul_epu32(c2, mb);
            c0 = _mm512_xor_si512(_mm512_xor_si512(_mm512_srli_epi64(e, 32), c1), _mm512_set1_epi64(k0));
            c2 = _mm512_xor_si512(_mm512_xor_si512(_mm512_srli_epi64(a, 32), c3), _mm512_set1_epi64(k1));
            c1 = e;
            c3 = a;
        }
        c0 = _mm512_and_si512(c0, low), c1 = _mm512_and_si512(c1, low);
        c2 = _mm512_and_si512(c2, low), c3 = _mm512_and_si512(c3, low);
        _mm512_storeu_si512(first + i, _mm512_or_si512(_mm512_slli_epi64(c0, 21), _mm512_srli_epi64(c1, 11)));
        _mm512_storeu_si512(second + i, _mm512_or_si512(_mm512_slli_epi64(c2, 21), _mm512_srli_epi64(c3, 11)));
    }
#else
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
        first[i] = c0 << 21 | c1 >> 11;
        second[i] = c2 << 21 | c3 >> 11;
    }
#endif
}

/* sqrt(-2 ln v) sin 2 pi u into even, with the cosine into odd, for step pair `pair` of every lane. */
static inline void draw(Block *restrict b, int d, uint64_t pair, uint64_t seed) {
    uint64_t first[LANES], second[LANES];
    philox(b, d, pair, seed, first, second);
    for (int i = 0; i < LANES; i++) {
        double v = 1.0 - (double)(int64_t)first[i] * 0x1p-53;
        double u = (double)(int64_t)second[i] * 0x1p-53;
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
