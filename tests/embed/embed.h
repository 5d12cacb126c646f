#ifndef EMBED_H
#define EMBED_H

int embed_count(int times);

#endif
