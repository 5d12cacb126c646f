/* The packaged library links and works. */
#include <kin/kin.h>
#include <stdio.h>

int main(void)
{
    kin_counter *counter = NULL;
    int64_t value = 0;
    if (kin_counter_create(&counter, NULL, 0) != KIN_OK || kin_counter_add(counter, 7, &value) != KIN_OK) {
        fprintf(stderr, "%s\n", kin_last_error());
        return 1;
    }
    kin_counter_destroy(counter);
    printf("kin %d, a counter that is %d\n", kin_version(), (int)value);
    return value == 7 ? 0 : 1;
}
