#include "embed.h"

int main(void)
{
    return embed_count(5) == 5 ? 0 : 1;
}
