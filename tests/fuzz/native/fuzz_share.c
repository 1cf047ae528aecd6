/* Feed arbitrary lines to the parser and the judge, and hold them to their word.
 *
 * Build: clang -g -O1 -fsanitize=fuzzer,address,undefined \
 *            -fno-sanitize-recover=all -I proxy/engine/core -I proxy/engine/loop \
 *            tests/fuzz/native/fuzz_share.c proxy/engine/core/[a-z]*.c proxy/engine/loop/[a-z]*.c \
 *            -o fuzz_share
 *
 * Input: a byte that says how the job looks and which code hashes, then the line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size, const char *line, size_t length)
{
    MUST(text >= line && text + size <= line + length);
    for (size_t i = 0; i < size; i++)
        MUST(text[i] >= 0x20 && text[i] < 0x7f);
}

static void check_line(const submit *s, const char *line, size_t length)
{
    check_text(s->id, s->id_size, line, length);
    check_text(s->worker, s->worker_size, line, length);
    check_text(s->job_id, s->job_id_size, line, length);
    MUST(s->id_size > 0 && s->id_size <= MAX_ID_BYTES);
    MUST(s->worker_size <= MAX_WORKER_BYTES && s->job_id_size <= MAX_JOB_ID_BYTES);
    MUST(s->extranonce2_size <= MAX_EXTRANONCE_BYTES);
    MUST(s->has_version_bits || !s->version_bits);
}

/* A job whose sizes follow from `how`, so that every layout is tried. */
static job *make_job(uint8_t how, seen *set)
{
    static uint8_t bytes[512];
    job_parts parts = {
        .coinb1 = bytes,
        .coinb1_size = (size_t)(how * 7) % 200,
        .coinb2 = bytes + 200,
        .coinb2_size = (size_t)(how * 5) % 150,
        .branches = bytes + 100,
        .branch_count = how % 13,
        .room = how % 5 + 4,
        .version = 0x20000000,
        .min_ntime = 0,
        .max_ntime = how & 1 ? 0xffffffff : 0x7fffffff,
    };

    memset(parts.target, how & 2 ? 0xff : 0x3f, sizeof parts.target);
    memset(parts.block_target, how & 4 ? 0xff : 0x01, sizeof parts.block_target);
    return job_new(&parts, set, 1);
}

static void check_verdict(job *j, const submit *s, uint8_t how, seen *set)
{
    static const uint8_t slot[MAX_EXTRANONCE_BYTES];
    terms on = {
        .slot = slot,
        .slot_size = s->extranonce2_size == 2 ? how % 5 + 2 : how % 5,
        .version_mask = 0x1fffe000,
        .is_stale = how & 8,
    };
    judgement first, second;
    size_t before = seen_count(set);

    memset(on.target, how & 16 ? 0xff : 0x7f, sizeof on.target);
    MUST(job_judge(j, &on, s, &first) && job_judge(j, &on, s, &second));
    MUST(first.verdict != DUPLICATE && first.verdict < VERDICTS);
    MUST(!second.is_block && first.version == second.version);
    MUST(!memcmp(first.hash, second.hash, 32));
    MUST(!second.meets_source);
    if (first.verdict == ACCEPTED || first.is_block)
        MUST(second.verdict == (on.is_stale ? STALE : DUPLICATE) &&
             !seen_meet(set, first.hash, false));
    else
        MUST(second.verdict == first.verdict);
    MUST(seen_count(set) == before + (first.verdict == ACCEPTED || first.is_block));
    MUST(first.is_hashed || (!first.is_block && !first.meets_source));
    if (!on.is_stale && first.is_hashed && (how & 16))
        MUST(first.verdict == ACCEPTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    submit s;
    char *line;
    seen *set;
    job *j;

    if (!size)
        return 0;
    line = malloc(size); /* exactly as long as the line: an overrun is seen */
    MUST(line);
    memcpy(line, data + 1, size - 1);
    if (submit_read(&s, line, size - 1)) {
        check_line(&s, line, size - 1);
        sha256_choose(data[0] & 32 ? "portable" : NULL);
        set = seen_new();
        MUST(set);
        j = make_job(data[0], set);
        MUST(j);
        check_verdict(j, &s, data[0], set);
        job_free(j);
        seen_free(set);
    }
    free(line);
    return 0;
}
