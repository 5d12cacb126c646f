/* A library that uses kin inside. */
#include "embed.h"

#include <kin/kin.h>

int embed_count(int times)
{
    kin_counter *counter = NULL;
    int64_t result = -1;
    if (kin_counter_create(&counter, NULL, 0) != KIN_OK) {
        return -1;
    }
    for (int i = 0; i < times; i++) {
        kin_counter_add(counter, 1, &result);
    }
    kin_counter_destroy(counter);
    return (int)result;
}
