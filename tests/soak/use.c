/* use.c: random use of the shared objects. A key's value is its key's low byte, again and again, in any length. */
#include "soak.h"

#define KEYS 20000u
#define ITEMS_MAX 3000u

static unsigned char bytes[1 << 20]; /* of this process, which uses them in one thread */

static int is_whole(const unsigned char *at, size_t size, unsigned char byte)
{
    for (size_t i = 0; i < size; i++) {
        CHECK(at[i] == byte);
    }
    return 0;
}

static uint32_t random_size(chance *random)
{
    return next_random(random, 8) == 0 ? next_random(random, random->largest) : next_random(random, 64);
}

/* ---- locks ---- */

static int hold_lock(place *it, kin_status status)
{
    CHECK(status == KIN_OK || status == KIN_OWNER_DIED);
    if (status == KIN_OWNER_DIED) {
        it->right = it->left;
        CHECK(kin_lock_repair(&it->lock) == KIN_OK);
    }
    CHECK(it->left == it->right);
    it->left++;
    it->right++;
    return 0;
}

static int use_lock(place *it, chance *random)
{
    CHECK(hold_lock(it, kin_lock_acquire(&it->lock, PATIENCE)) == 0);
    if (next_random(random, 3) == 0) {
        CHECK(kin_cond_notify(&it->changed, 1 + next_random(random, 2)) == KIN_OK);
    } else if (next_random(random, 2) == 0) {
        kin_status status = kin_cond_wait(&it->changed, &it->lock, KIN_US(300));
        CHECK(hold_lock(it, status == KIN_E_TIMED_OUT ? KIN_OK : status) == 0);
    }
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int use_rwlock(place *it, chance *random)
{
    return use_pair(&it->rwlock, next_random(random, 4) == 0 ? KIN_RWLOCK_WRITE : KIN_RWLOCK_READ, &it->here,
                    &it->there);
}

static int use_signals(const objects *all, chance *random)
{
    place *it = all->it;
    uint32_t permits = 1 + next_random(random, PERMITS);
    kin_status status = kin_sem_acquire(&it->sem, 1, KIN_US(200));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
    CHECK(kin_sem_release(&it->sem, 1) == KIN_OK);
    status = kin_event_wait(&it->event, KIN_US(100));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
    CHECK((next_random(random, 2) ? kin_event_set(&it->event) : kin_event_clear(&it->event)) == KIN_OK);
    status = kin_barrier_wait(&it->barrier, NULL, KIN_US(300));
    CHECK(status == KIN_OK || kin_barrier_reset(&it->barrier) == KIN_OK);
    CHECK(kin_sem_acquire(all->leased, permits, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(all->leased, permits) == KIN_OK);
    return 0;
}

/* ---- containers ---- */

/* A full family is what it is for: then others go, until there is room. */
static int set_or_evict(kin_dict *dict, uint32_t key, size_t size, chance *random)
{
    memset(bytes, (int)(key & 0xff), size);
    kin_status status = kin_dict_set(dict, &key, sizeof key, bytes, size);
    for (int i = 0; i < 3 && status == KIN_E_NO_MEMORY; i++) {
        uint32_t other = next_random(random, KEYS);
        status = kin_dict_remove(dict, &other, sizeof other);
        CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND);
        status = kin_dict_set(dict, &key, sizeof key, bytes, size);
    }
    CHECK(status == KIN_OK || status == KIN_E_NO_MEMORY);
    return 0;
}

static int use_dict(kin_dict *dict, chance *random)
{
    uint32_t key = next_random(random, KEYS);
    size_t size = 0;
    kin_status status = KIN_OK;
    switch (next_random(random, 4)) {
    case 0:
        status = kin_dict_remove(dict, &key, sizeof key);
        break;
    case 1:
        return set_or_evict(dict, key, random_size(random), random);
    default:
        status = kin_dict_get(dict, &key, sizeof key, bytes, sizeof bytes, &size);
        CHECK(status != KIN_OK || is_whole(bytes, size, (unsigned char)key) == 0);
    }
    CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND);
    return 0;
}

static int use_list(kin_list *list, chance *random)
{
    size_t size = random_size(random), count = 0;
    CHECK(kin_list_size(list, &count) == KIN_OK);
    memset(bytes, (int)(size & 0xff), size);
    size_t at = count > 0 ? next_random(random, (uint32_t)count) : 0;
    kin_status status = KIN_OK;
    switch (count > ITEMS_MAX ? 0 : next_random(random, 5)) {
    case 0:
        status = kin_list_pop(list, next_random(random, 2) ? 0 : KIN_LIST_LAST, bytes, sizeof bytes, &size);
        CHECK(status != KIN_OK || is_whole(bytes, size, (unsigned char)size) == 0);
        break;
    case 1:
        status = kin_list_insert(list, at, bytes, size);
        break;
    case 2:
        status = kin_list_set(list, at, bytes, size);
        break;
    case 3:
        status = kin_list_append(list, bytes, size);
        break;
    default:
        status = kin_list_get(list, at, bytes, sizeof bytes, &size);
        CHECK(status != KIN_OK || is_whole(bytes, size, (unsigned char)size) == 0);
    }
    CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND || status == KIN_E_NO_MEMORY);
    return 0;
}

static int use_queue(kin_queue *queue, chance *random)
{
    size_t size = next_random(random, 2000);
    memset(bytes, (int)(size & 0xff), size);
    kin_status status = kin_queue_put(queue, bytes, size, KIN_US(300));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
    status = kin_queue_get(queue, bytes, sizeof bytes, &size, KIN_US(300));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
    CHECK(status != KIN_OK || is_whole(bytes, size, (unsigned char)size) == 0);
    return 0;
}

static int use_value(const objects *all)
{
    CHECK(kin_counter_add(&all->it->steps, 1, NULL) == KIN_OK);
    kin_status status = kin_value_acquire(all->value, PATIENCE);
    CHECK(status == KIN_OK || status == KIN_OWNER_DIED);
    CHECK(status == KIN_OK || kin_lock_repair(kin_value_lock(all->value)) == KIN_OK);
    CHECK(kin_value_release(all->value) == KIN_OK);
    return 0;
}

int use_something(const objects *all, chance *random)
{
    switch (next_random(random, 8)) {
    case 0:
        return use_lock(all->it, random);
    case 1:
        return use_rwlock(all->it, random);
    case 2:
        return use_signals(all, random);
    case 3:
        return use_list(all->list, random);
    case 4:
        return use_queue(all->queue, random);
    case 5:
        return use_value(all);
    default:
        return use_dict(all->dict, random);
    }
}

/* ---- blocks ---- */

int use_blocks(void *blocks[BLOCKS], chance *random)
{
    uint32_t which = next_random(random, BLOCKS), size = 1 + random_size(random);
    CHECK(kin_free(blocks[which]) == KIN_OK);
    blocks[which] = NULL;
    if (next_random(random, 2)) {
        kin_status status = kin_alloc(&blocks[which], NULL, size);
        CHECK(status == KIN_OK || status == KIN_E_NO_MEMORY);
        CHECK(status == KIN_OK ? is_whole(blocks[which], size, 0) == 0 : !blocks[which]);
    }
    return 0;
}

int free_blocks(void *blocks[BLOCKS])
{
    for (int i = 0; i < BLOCKS; i++) {
        CHECK(kin_free(blocks[i]) == KIN_OK);
        blocks[i] = NULL;
    }
    return 0;
}

/* ---- afterwards ---- */

static int check_dict(kin_dict *dict)
{
    kin_snapshot *items = NULL;
    kin_snapshot_item item;
    size_t count = 0;
    CHECK(kin_dict_snapshot(&items, dict) == KIN_OK && kin_dict_size(dict, &count) == KIN_OK);
    CHECK(count == kin_snapshot_count(items));
    while (kin_snapshot_next(items, &item)) {
        CHECK(item.key_size == sizeof(uint32_t));
        CHECK(is_whole(item.value, item.value_size, *(const unsigned char *)item.key) == 0);
    }
    kin_snapshot_destroy(items);
    return 0;
}

int check_and_empty(const objects *all)
{
    chance random = {1, 64};
    size_t size;
    CHECK(use_lock(all->it, &random) == 0 && use_rwlock(all->it, &random) == 0 && use_value(all) == 0);
    CHECK(check_dict(all->dict) == 0 && kin_dict_clear(all->dict) == KIN_OK);
    while (kin_list_pop(all->list, 0, bytes, sizeof bytes, &size) == KIN_OK) {
        CHECK(is_whole(bytes, size, (unsigned char)size) == 0);
    }
    CHECK(kin_list_clear(all->list) == KIN_OK);
    while (kin_queue_get(all->queue, bytes, sizeof bytes, &size, KIN_NOW) == KIN_OK) {
        CHECK(is_whole(bytes, size, (unsigned char)size) == 0);
    }
    CHECK(kin_sem_acquire(all->leased, PERMITS, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(all->leased, PERMITS) == KIN_OK);
    return 0;
}
