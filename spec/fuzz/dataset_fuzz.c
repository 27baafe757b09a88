/*
 * dataset_fuzz.c: any bytes as a data set. The first one chooses options, the second where the rest
 * is cut.
 *
 * However it is cut, the same is found; all places are within the file; and where no record is bad,
 * bk_json_check takes every line.
 */
#include "dataset.h"
#include "jsonscan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bk_dataset_options options_of(uint8_t byte)
{
    bk_dataset_options o = {0};
    o.shape = (enum bk_dataset_shape)(byte % BK_SHAPE_COUNT);
    o.flags = byte >> 4;
    o.examples = 50;
    o.remember = byte & 8 ? 20 : 0;
    o.max_tokens = 10;
    o.caption_min = 2;
    o.caption_max = 9;
    return o;
}

/* A block of exactly this size, so that the sanitizer sees each byte read too far. */
static void feed(bk_dataset *d, const uint8_t *data, size_t n)
{
    char *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    if (n)
        memcpy(copy, data, n);
    if (!bk_dataset_feed(d, copy, n))
        abort();
    free(copy);
}

static void check_places(const bk_dataset *d, size_t size)
{
    for (size_t i = 0; i < d->example_count; i++) {
        const bk_dataset_example *e = &d->examples[i];
        if (e->offset > size || e->line < 1 || e->line > d->lines || e->column < 1 ||
            e->column > size + 1)
            abort();
        for (const char *p = e->excerpt; *p; p++)
            if ((unsigned char)*p < 0x20 || *p == 0x7F)
                abort();
    }
}

static void check_same(const bk_dataset *a, const bk_dataset *b)
{
    if (a->bytes != b->bytes || a->lines != b->lines || a->records != b->records ||
        a->bad_records != b->bad_records || a->example_count != b->example_count ||
        memcmp(a->counts, b->counts, sizeof a->counts) != 0 ||
        memcmp(&a->tokens, &b->tokens, sizeof a->tokens) != 0)
        abort();
    for (size_t i = 0; i < a->example_count; i++) {
        const bk_dataset_example *e = &a->examples[i], *f = &b->examples[i];
        if (e->rule != f->rule || e->line != f->line || e->offset != f->offset ||
            e->column != f->column || e->value != f->value || strcmp(e->excerpt, f->excerpt) != 0)
            abort();
    }
}

static void check_lines(const char *p, const char *end)
{
    while (p < end) {
        const char *feed_at = memchr(p, '\n', (size_t)(end - p));
        const char *stop = feed_at ? feed_at : end;
        size_t n = (size_t)(stop - p);
        size_t bom = bk_json_bom(p, n); /* a line of nothing else is blank */
        bk_json_scan scan;
        if (bom + strspn(p + bom, " \t\r") < n && !bk_json_check(p, n, BK_JSON_MAX_DEPTH, &scan))
            abort();
        p = stop + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bk_dataset whole, cut;
    if (size < 2)
        return 0;
    bk_dataset_options o = options_of(data[0]);
    size_t n = size - 2, at = n * data[1] / 255;
    if (!bk_dataset_init(&whole, &o) || !bk_dataset_init(&cut, &o))
        abort();
    feed(&whole, data + 2, n);
    feed(&cut, data + 2, at);
    feed(&cut, data + 2 + at, n - at);
    if (!bk_dataset_finish(&whole) || !bk_dataset_finish(&cut))
        abort();
    check_places(&whole, n);
    check_same(&whole, &cut);
    if (!whole.bad_records && !whole.stopped) {
        char *text = malloc(n + 1);
        if (!text)
            abort();
        memcpy(text, data + 2, n);
        text[n] = '\0';
        check_lines(text, text + n);
        free(text);
    }
    bk_dataset_free(&whole);
    bk_dataset_free(&cut);
    return 0;
}
