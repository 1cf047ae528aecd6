#define _DEFAULT_SOURCE
#include "share.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Open addressing; a slot of zeros is empty. Keys are ends of hashes that were paid
 * for with work, so they need no hashing of their own, and nobody can choose them.
 * It grows by moving a few keys at each addition: no share waits for all of them. */

enum { FIRST_SLOTS = 64, MOVES = 8, LARGE_BYTES = 1 << 18 };

typedef struct {
    uint8_t (*slots)[KEY_BYTES];
    size_t mask; /* number of slots - 1 */
} table;

struct seen {
    pthread_mutex_t lock;
    table now;
    table old; /* being moved; slots is NULL if not */
    size_t moved; /* slots of `old` that have been */
    size_t count;
    bool has_zero;
};

static const uint8_t ZERO[KEY_BYTES];

/* A large table has pages of its own: they are gone with it, where the heap would keep
 * them. One job's tables are never the size of the next one's. */
static bool is_large(size_t slots)
{
    return slots * KEY_BYTES >= LARGE_BYTES;
}

static bool table_open(table *t, size_t slots)
{
    void *room = is_large(slots) ? mmap(NULL, slots * KEY_BYTES, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                 : calloc(slots, KEY_BYTES);

    t->slots = room == MAP_FAILED ? NULL : room;
    t->mask = slots - 1;
    return t->slots;
}

static void table_close(table *t)
{
    if (t->slots && is_large(t->mask + 1))
        munmap(t->slots, (t->mask + 1) * KEY_BYTES);
    else
        free(t->slots);
    *t = (table){0};
}

/* The slot that holds `key`, or the empty one where it belongs. */
static uint8_t *table_find(const table *t, const uint8_t key[KEY_BYTES])
{
    uint64_t wanted[2], found[2];

    memcpy(wanted, key, KEY_BYTES);
    for (size_t i = (size_t)wanted[0] & t->mask;; i = (i + 1) & t->mask) {
        memcpy(found, t->slots[i], KEY_BYTES);
        if ((found[0] == wanted[0] && found[1] == wanted[1]) || !(found[0] | found[1]))
            return t->slots[i];
    }
}

static bool table_has(const table *t, const uint8_t key[KEY_BYTES])
{
    return memcmp(table_find(t, key), ZERO, KEY_BYTES) != 0;
}

static void move_some(seen *set)
{
    for (int i = 0; set->old.slots && i < MOVES; i++) {
        const uint8_t *key = set->old.slots[set->moved];

        if (memcmp(key, ZERO, KEY_BYTES))
            memcpy(table_find(&set->now, key), key, KEY_BYTES);
        if (set->moved++ == set->old.mask) {
            table_close(&set->old);
        }
    }
}

seen *seen_new(void)
{
    seen *set = calloc(1, sizeof *set);

    if (set && !table_open(&set->now, FIRST_SLOTS)) {
        free(set);
        return NULL;
    }
    if (set)
        pthread_mutex_init(&set->lock, NULL);
    return set;
}

void seen_free(seen *set)
{
    if (!set)
        return;
    pthread_mutex_destroy(&set->lock);
    table_close(&set->now);
    table_close(&set->old);
    free(set);
}

size_t seen_count(seen *set)
{
    size_t count;

    pthread_mutex_lock(&set->lock);
    count = set->count;
    pthread_mutex_unlock(&set->lock);
    return count;
}

/* Room for one more: grow, or move some of what was in the smaller table. */
static bool make_room(seen *set)
{
    table bigger;

    move_some(set);
    /* at most half full, and all moved long before that */
    if (set->old.slots || 2 * set->count <= set->now.mask)
        return true;
    if (!table_open(&bigger, 2 * (set->now.mask + 1)))
        return false;
    set->old = set->now;
    set->now = bigger;
    set->moved = 0;
    return true;
}

static int meet_zero(seen *set, bool may_add)
{
    const int is_new = !set->has_zero;

    set->has_zero |= may_add;
    set->count += may_add && is_new;
    return is_new;
}

static int meet(seen *set, const uint8_t key[KEY_BYTES], bool may_add)
{
    uint8_t *slot;

    if (!memcmp(key, ZERO, KEY_BYTES))
        return meet_zero(set, may_add);
    slot = table_find(&set->now, key);
    if (memcmp(slot, ZERO, KEY_BYTES) || (set->old.slots && table_has(&set->old, key)))
        return 0;
    if (!may_add)
        return 1;
    if (set->old.slots || 2 * set->count > set->now.mask) {
        if (!make_room(set))
            return -1;
        slot = table_find(&set->now, key);
    }
    memcpy(slot, key, KEY_BYTES);
    set->count++;
    return 1;
}

int seen_meet(seen *set, const uint8_t key[KEY_BYTES], bool may_add)
{
    int is_new;

    pthread_mutex_lock(&set->lock);
    is_new = meet(set, key, may_add);
    pthread_mutex_unlock(&set->lock);
    return is_new;
}
