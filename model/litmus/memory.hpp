// memory.hpp: the heap, objects and refs (src/memory).

// A block that is freed and allocated, or retired: its last user is done with it.
TEST(reuse, 2)
{
    shared tag{LIVE};
    plain bytes;
    void thread(unsigned i)
    {
        if (i == 0) {
            bytes.set(1);
            tag.cas(LIVE, FREE, at("free", seq_cst, release));
        } else if (tag.cas(FREE, CLAIMED, at("claim, retire", seq_cst, acquire))) {
            bytes.set(2);
        }
    }
};

// Who finds a block LIVE sees its generation and its size.
TEST(live, 2)
{
    shared tag, header;
    void thread(unsigned i)
    {
        if (i == 0) {
            header.store(1, at("generation, size", relaxed));
            tag.store(LIVE, at("LIVE", release));
        } else if (tag.load(at("check: load of the tag", seq_cst, acquire)) == LIVE) {
            must(header.load(at("check: generation, size", relaxed)) == 1);
        }
    }
};

// Between two looks that find the same LIVE, the header and the bytes were not a later block's.
TEST(two_looks, 2)
{
    enum { LATER = 3 };
    shared tag{LIVE}, header;
    void thread(unsigned i)
    {
        if (i == 0) {
            tag.cas(LIVE, CLAIMED, at("free; claim", seq_cst, relaxed));
            fence(at("fence before new contents", release));
            header.store(1, at("generation, size", relaxed));
            tag.store(LATER, at("LIVE", release, relaxed));
        } else if (tag.load(at("first look", seq_cst, relaxed)) == LIVE) {
            int size = header.load(at("check: generation, size", relaxed));
            fence(at("fence before the second look", acquire));
            must(tag.load(at("second look", seq_cst, relaxed)) != LIVE || size == 0);
        }
    }
};

// A mark is not missing where a block is free. The same between each two levels of marks.
TEST(marks, 2)
{
    enum { USED, UNUSED };
    shared tag{USED}, mark{1};
    void thread(unsigned i)
    {
        if (i == 0) {
            tag.cas(USED, UNUSED, at("free: the tag", seq_cst));
            if (mark.load(at("free: load of the mark", seq_cst)) == 0) {
                mark.set(1, at("the mark is set", seq_cst, relaxed));
            }
        } else {
            mark.clear(1, at("search: the mark cleared", seq_cst));
            if (tag.load(at("search: second look", seq_cst)) == UNUSED) {
                mark.set(1, at("the mark is set", seq_cst, relaxed));
            }
        }
    }
    void after()
    {
        must(mark.at_last() == 1);
    }
};

// A span gets another use while a search clears a mark of the last one: the new mark does not stay missing.
TEST(marks_of_another_use, 2)
{
    shared span, mark;
    void thread(unsigned i)
    {
        if (i == 0) {
            span.store(1, at("the new use", seq_cst, relaxed));
            mark.store(1, at("its marks", seq_cst, release));
        } else {
            mark.clear(1, at("search: the mark cleared", seq_cst, acquire));
            if (span.load(at("search: second load of the span", seq_cst, relaxed)) == 1) {
                mark.set(1, at("search: set again", seq_cst, relaxed));
            }
        }
    }
    void after()
    {
        must(mark.at_last() == 1);
    }
};

// A full heap: a search sees the free block, or the free sees that there was a search.
TEST(searched, 2)
{
    enum { USED, UNUSED };
    shared tag{USED}, searched;
    bool found = false, told = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            tag.cas(USED, UNUSED, at("free: the tag", seq_cst));
            as_fence(at("free: the tag", seq_cst), at("free: load of searched", seq_cst));
            told = searched.load(at("free: load of searched", seq_cst)) == 1;
        } else {
            searched.store(1, at("search: searched", seq_cst, relaxed));
            fence(at("search: fence", seq_cst));
            found = tag.load(at("search: load of the tag", relaxed)) == UNUSED;
        }
    }
    void after()
    {
        must(found || told);
    }
};

// A span is SMALL after its blocks have headers.
TEST(span, 2)
{
    shared word, tag{LIVE}, generation;
    void thread(unsigned i)
    {
        if (i == 0) {
            generation.store(1, at("header: generation", relaxed));
            tag.store(FREE, at("header: tag", relaxed));
            word.store(1, at("SMALL", seq_cst, release));
        } else if (word.load(at("allocate: load of the span", seq_cst, acquire)) == 1) {
            must(tag.cas(FREE, CLAIMED, at("claim", seq_cst, relaxed)));
            must(generation.load(at("allocate: generation", relaxed)) == 1);
        }
    }
};

// Who finds a block LIVE, and then loads its span's word, has the span's use in which it was allocated.
TEST(live_span, 3)
{
    shared word, tag{CLAIMED};
    void thread(unsigned i)
    {
        if (i == 0) {
            tag.store(FREE, at("header: tag", relaxed));
            word.store(1, at("SMALL", seq_cst, relaxed));
        } else if (i == 1) {
            if (word.load(at("allocate: load of the span", seq_cst, relaxed)) == 1 &&
                tag.cas(FREE, CLAIMED, at("claim", seq_cst, relaxed))) {
                tag.store(LIVE, at("LIVE", release));
            }
        } else if (tag.load(at("check: load of the tag", seq_cst, acquire)) == LIVE) {
            must(word.load(at("check: load of the span", seq_cst, relaxed)) == 1);
        }
    }
};

// An object's tag: who finds it by a ref or a name sees the object.
TEST(object, 2)
{
    shared tag, generation;
    void thread(unsigned i)
    {
        if (i == 0) {
            generation.store(1, at("init: generation, detail, the fields", relaxed));
            tag.store(1, at("init: tag", release));
        } else if (tag.load(at("find: load of the tag", acquire)) == 1) {
            must(generation.load(at("find: generation", seq_cst, relaxed)) == 1);
        }
    }
};
