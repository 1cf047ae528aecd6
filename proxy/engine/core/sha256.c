/* Written from FIPS 180-4 and the manuals of the two instruction sets. */
#include "sha256.h"

#include <string.h>

const uint32_t SHA256_START[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* What follows a message of 64 B, and one of 32 B. */
static const uint8_t PADDING_64[SHA256_BLOCK] = {[0] = 0x80, [62] = 0x02};
static const uint8_t PADDING_32[SHA256_BLOCK] = {[32] = 0x80, [62] = 0x01};

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static uint32_t rotr(uint32_t v, int n)
{
    return v >> n | v << (32 - n);
}

static void compress_portable(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    uint32_t w[64];

    for (; count; count--, blocks += SHA256_BLOCK) {
        uint32_t s[8];

        memcpy(s, state, sizeof s);
        for (int i = 0; i < 16; i++)
            w[i] = load_be32(blocks + 4 * i);
        for (int i = 16; i < 64; i++) {
            uint32_t a = w[i - 15], b = w[i - 2];

            w[i] = w[i - 16] + w[i - 7] + (rotr(a, 7) ^ rotr(a, 18) ^ a >> 3) +
                   (rotr(b, 17) ^ rotr(b, 19) ^ b >> 10);
        }
        for (int i = 0; i < 64; i++) {
            uint32_t e = s[4], a = s[0];
            uint32_t one = s[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) +
                           ((e & s[5]) ^ (~e & s[6])) + K[i] + w[i];
            uint32_t two = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) +
                           ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

            memmove(s + 1, s, 7 * sizeof *s);
            s[4] += one;
            s[0] = one + two;
        }
        for (int i = 0; i < 8; i++)
            state[i] += s[i];
    }
}

static void compress_one_by_one(uint32_t *const state[2],
                                const uint8_t *const blocks[2], size_t count)
{
    sha256_compress(state[0], blocks[0], count);
    sha256_compress(state[1], blocks[1], count);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

static int has_sha_ni(void)
{
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

#define SHA_NI __attribute__((target("sha,sse4.1"), always_inline)) static inline

/* One message on its way: the instructions want the state as ABEF and CDGH. */
typedef struct {
    __m128i abef, cdgh, abef_before, cdgh_before, w[4];
} lane;

SHA_NI void lane_load(lane *l, const uint32_t state[8])
{
    const __m128i *from = (const __m128i *)state;
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(from), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(from + 1), 0x1b);

    l->abef = _mm_alignr_epi8(cdab, efgh, 8);
    l->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

SHA_NI void lane_store(const lane *l, uint32_t state[8])
{
    __m128i feba = _mm_shuffle_epi32(l->abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);

    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)state + 1, _mm_alignr_epi8(dchg, feba, 8));
}

SHA_NI void lane_begin(lane *l)
{
    l->abef_before = l->abef;
    l->cdgh_before = l->cdgh;
}

/* Rounds 4 i to 4 i + 3. */
SHA_NI void lane_rounds(lane *l, const uint8_t *block, int i)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i *w = l->w, now, k;

    if (i < 4) {
        now = _mm_loadu_si128((const __m128i *)block + i);
        now = _mm_shuffle_epi8(now, swap);
    } else {
        now = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
        k = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);
        now = _mm_sha256msg2_epu32(_mm_add_epi32(now, k), w[(i + 3) & 3]);
    }
    w[i & 3] = now;
    k = _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)K + i));
    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, k);
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(k, 0x0e));
}

SHA_NI void lane_end(lane *l)
{
    l->abef = _mm_add_epi32(l->abef, l->abef_before);
    l->cdgh = _mm_add_epi32(l->cdgh, l->cdgh_before);
}

__attribute__((target("sha,sse4.1"))) static void
compress_sha_ni(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    lane l;

    lane_load(&l, state);
    for (; count; count--, blocks += SHA256_BLOCK) {
        lane_begin(&l);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            lane_rounds(&l, blocks, i);
        lane_end(&l);
    }
    lane_store(&l, state);
}

__attribute__((target("sha,sse4.1"))) static void
compress_two_sha_ni(uint32_t *const state[2], const uint8_t *const blocks[2],
                    size_t count)
{
    lane one, two;

    lane_load(&one, state[0]);
    lane_load(&two, state[1]);
    for (size_t at = 0; at < count * SHA256_BLOCK; at += SHA256_BLOCK) {
        lane_begin(&one);
        lane_begin(&two);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            lane_rounds(&one, blocks[0] + at, i);
            lane_rounds(&two, blocks[1] + at, i);
        }
        lane_end(&one);
        lane_end(&two);
    }
    lane_store(&one, state[0]);
    lane_store(&two, state[1]);
}

#elif defined(__aarch64__) && defined(__linux__)
#include <arm_neon.h>
#include <sys/auxv.h>

#ifndef HWCAP_SHA2
#define HWCAP_SHA2 (1 << 6)
#endif

static int has_armv8(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
}

__attribute__((target("+crypto"))) static void
compress_armv8(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);

    for (; count; count--, blocks += SHA256_BLOCK) {
        const uint32x4_t abcd_before = abcd, efgh_before = efgh;
        uint32x4_t w[4];

#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            uint32x4_t now, k, abcd_then = abcd;

            if (i < 4) {
                now = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
            } else {
                now = vsha256su0q_u32(w[i & 3], w[(i + 1) & 3]);
                now = vsha256su1q_u32(now, w[(i + 2) & 3], w[(i + 3) & 3]);
            }
            w[i & 3] = now;
            k = vaddq_u32(now, vld1q_u32(K + 4 * i));
            abcd = vsha256hq_u32(abcd, efgh, k);
            efgh = vsha256h2q_u32(efgh, abcd_then, k);
        }
        abcd = vaddq_u32(abcd, abcd_before);
        efgh = vaddq_u32(efgh, efgh_before);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}
#endif

sha256_compress_fn *sha256_compress = compress_portable;
sha256_compress_two_fn *sha256_compress_two = compress_one_by_one;

const char *sha256_choose(const char *name)
{
#if defined(__x86_64__)
    if ((!name || !strcmp(name, "sha-ni")) && has_sha_ni()) {
        sha256_compress = compress_sha_ni;
        sha256_compress_two = compress_two_sha_ni;
        return "sha-ni";
    }
#elif defined(__aarch64__) && defined(__linux__)
    if ((!name || !strcmp(name, "armv8")) && has_armv8()) {
        sha256_compress = compress_armv8;
        sha256_compress_two = compress_one_by_one;
        return "armv8";
    }
#endif
    if (name && strcmp(name, "portable"))
        return NULL;
    sha256_compress = compress_portable;
    sha256_compress_two = compress_one_by_one;
    return "portable";
}

void sha256_store(uint8_t out[SHA256_BYTES], const uint32_t state[8])
{
    for (int i = 0; i < 8; i++)
        store_be32(out + 4 * i, state[i]);
}

void sha256_again(uint8_t out[SHA256_BYTES], const uint32_t state[8])
{
    uint8_t block[SHA256_BLOCK];
    uint32_t second[8];

    memcpy(block, PADDING_32, sizeof block);
    sha256_store(block, state);
    memcpy(second, SHA256_START, sizeof second);
    sha256_compress(second, block, 1);
    sha256_store(out, second);
}

void sha256d_pair(uint8_t pair[64])
{
    uint32_t state[8];

    memcpy(state, SHA256_START, sizeof state);
    sha256_compress(state, pair, 1);
    sha256_compress(state, PADDING_64, 1);
    sha256_again(pair, state);
}

void sha256d_pair_two(uint8_t *const pair[2])
{
    uint32_t a[8], b[8], *const state[2] = {a, b};
    const uint8_t *const first[2] = {pair[0], pair[1]};
    const uint8_t *const second[2] = {PADDING_64, PADDING_64};

    memcpy(a, SHA256_START, sizeof a);
    memcpy(b, SHA256_START, sizeof b);
    sha256_compress_two(state, first, 1);
    sha256_compress_two(state, second, 1);
    for (int i = 0; i < 2; i++) {
        memcpy(pair[i] + 32, PADDING_32 + 32, 32);
        sha256_store(pair[i], state[i]);
        memcpy(state[i], SHA256_START, sizeof a);
    }
    sha256_compress_two(state, first, 1);
    sha256_store(pair[0], a);
    sha256_store(pair[1], b);
}

void sha256d_header(uint8_t out[SHA256_BYTES], const uint8_t header[80])
{
    uint8_t blocks[2 * SHA256_BLOCK] = {[80] = 0x80, [126] = 0x02, [127] = 0x80};
    uint32_t state[8];

    memcpy(blocks, header, 80);
    memcpy(state, SHA256_START, sizeof state);
    sha256_compress(state, blocks, 2);
    sha256_again(out, state);
}
