/* Judge the same made-up shares on any processor, and print what came of them.
 *
 * print_hashes [CODE]: with this code for SHA-256, else the processor's best, whose
 * name goes to stderr. Shares are judged one by one, then two at once.
 */
#include <stdio.h>
#include <string.h>

#include "share.h"

enum { ROUNDS = 64 };

static uint32_t random_state = 1;

/* Numbers that are the same everywhere (Numerical Recipes' generator). */
static uint8_t next_byte(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint8_t)(random_state >> 24);
}

static void fill(uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = next_byte();
}

static void print(const judgement *got)
{
    printf("%d %d %d %08x ", (int)got->verdict, got->is_block, got->meets_source,
           (unsigned)got->version);
    for (int i = 0; i < 32; i++)
        printf("%02x", got->hash[i]);
    printf("\n");
}

static bool judge_two(job *j, const terms *how, const submit share[2])
{
    const terms *const hows[2] = {how, how};
    const submit *const shares[2] = {&share[0], &share[1]};
    judgement a, b, *const got[2] = {&a, &b};

    if (!job_check(j, how, &share[0], &a) || !job_check(j, how, &share[1], &b))
        return false;
    job_hash_two(j, 0, hows, shares, got);
    if (!job_weigh(j, how, &a) || !job_weigh(j, how, &b))
        return false;
    print(&a);
    print(&b);
    return true;
}

static bool do_round(size_t round)
{
    static uint8_t bytes[1024];
    uint8_t slot[4];
    terms how = {.slot = slot, .slot_size = sizeof slot, .version_mask = 0x1fffe000};
    submit share[2] = {{.extranonce2_size = 4}, {.extranonce2_size = 4}};
    judgement got;
    job_parts parts = {
        .coinb1 = bytes,
        .coinb1_size = round * 3,
        .coinb2 = bytes + 300,
        .coinb2_size = round * 5 % 170,
        .branches = bytes + 500,
        .branch_count = round % 14,
        .room = 8,
        .version = 0x20000000,
        .nbits = 0x1d00ffff,
        .max_ntime = 0xffffffff,
    };
    seen *set = seen_new();
    job *j;
    bool is_done = set != NULL;

    fill(bytes, sizeof bytes);
    fill(slot, sizeof slot);
    memset(parts.target, 0x7f, 32);
    memset(parts.block_target, 0x3f, 32);
    memset(how.target, 0xbf, 32);
    j = set ? job_new(&parts, set, 1) : NULL;
    for (int i = 0; i < 2; i++) {
        fill(share[i].extranonce2, 4);
        share[i].nonce = next_byte();
        is_done = is_done && j && job_judge(j, &how, &share[i], &got);
        if (is_done)
            print(&got);
    }
    is_done = is_done && judge_two(j, &how, share); /* duplicates, where they were good */
    job_free(j);
    seen_free(set);
    return is_done;
}

int main(int count, char **words)
{
    const char *chosen = sha256_choose(count > 1 ? words[1] : NULL);

    if (!chosen)
        return 2;
    fprintf(stderr, "%s\n", chosen);
    for (size_t i = 0; i < ROUNDS; i++)
        if (!do_round(i))
            return 1;
    return 0;
}
