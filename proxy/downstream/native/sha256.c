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

/* The instructions want the state as ABEF and CDGH, and do two rounds each. */
__attribute__((target("sha,sse4.1"))) static void
compress_sha_ni(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i hgfe =
        _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);

    for (; count; count--, blocks += SHA256_BLOCK) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];

#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            __m128i now, k;

            if (i < 4) {
                const __m128i *from = (const __m128i *)(blocks + 16 * i);

                now = _mm_shuffle_epi8(_mm_loadu_si128(from), swap);
            } else {
                __m128i three = w[(i + 3) & 3];

                now = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
                now = _mm_add_epi32(now, _mm_alignr_epi8(three, w[(i + 2) & 3], 4));
                now = _mm_sha256msg2_epu32(now, three);
            }
            w[i & 3] = now;
            k = _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)(K + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    hgfe = _mm_shuffle_epi32(abef, 0x1b); /* FEBA */
    badc = _mm_shuffle_epi32(cdgh, 0xb1); /* DCHG */
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(hgfe, badc, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(badc, hgfe, 8));
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

const char *sha256_choose(const char *name)
{
#if defined(__x86_64__)
    if ((!name || !strcmp(name, "sha-ni")) && has_sha_ni()) {
        sha256_compress = compress_sha_ni;
        return "sha-ni";
    }
#elif defined(__aarch64__) && defined(__linux__)
    if ((!name || !strcmp(name, "armv8")) && has_armv8()) {
        sha256_compress = compress_armv8;
        return "armv8";
    }
#endif
    if (name && strcmp(name, "portable"))
        return NULL;
    sha256_compress = compress_portable;
    return "portable";
}

void sha256_store(uint8_t out[SHA256_BYTES], const uint32_t state[8])
{
    for (int i = 0; i < 8; i++)
        store_be32(out + 4 * i, state[i]);
}

void sha256_again(uint8_t out[SHA256_BYTES], const uint32_t state[8])
{
    uint8_t block[SHA256_BLOCK] = {[32] = 0x80, [62] = 0x01}; /* 256 bits */
    uint32_t second[8];

    sha256_store(block, state);
    memcpy(second, SHA256_START, sizeof second);
    sha256_compress(second, block, 1);
    sha256_store(out, second);
}

void sha256d_pair(uint8_t out[SHA256_BYTES], const uint8_t pair[64])
{
    static const uint8_t padding[SHA256_BLOCK] = {[0] = 0x80, [62] = 0x02};
    uint32_t state[8];

    memcpy(state, SHA256_START, sizeof state);
    sha256_compress(state, pair, 1);
    sha256_compress(state, padding, 1);
    sha256_again(out, state);
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
