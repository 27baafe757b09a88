/*
 * dataset_test.c: the check of data sets without Lua. What it finds is told by the corpus in
 * spec/support/dataset_rows.lua; here it is that it finds the same however the bytes are cut, reads
 * none too many, and keeps to its bounds.
 */
#include "test.h"

#include "dataset.h"
#include "datasetfile.h"

#include <errno.h>
#include <inttypes.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const bk_dataset_options OPTIONS = {.flags = BK_DATASET_RESERVED_WORDS |
                                                    BK_DATASET_MEDIA_NAMES | BK_DATASET_TEXT_ONLY,
                                           .examples = 10,
                                           .remember = 10,
                                           .max_tokens = 20,
                                           .caption_min = 3,
                                           .caption_max = 5};

/* Everything that a check found, as text. */
static void describe(const bk_dataset *d, bk_buf *out)
{
    char text[512];
    snprintf(text, sizeof text,
             "%" PRIu64 " bytes %" PRIu64 " lines %" PRIu64 " records %" PRIu64 " bad %" PRIu64
             " in %" PRIu64 " out, shape %d\n",
             d->bytes, d->lines, d->records, d->bad_records, d->input.characters,
             d->output.characters, (int)d->options.shape);
    bk_buf_adds(out, text);
    for (size_t i = 0; i < d->example_count; i++) {
        const bk_dataset_example *e = &d->examples[i];
        snprintf(text, sizeof text,
                 "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s\n",
                 bk_dataset_rule_name(e->rule), e->line, e->offset, e->column, e->value, e->limit,
                 e->note ? e->note : "", e->excerpt);
        bk_buf_adds(out, text);
    }
    for (int i = 0; i < BK_RULE_COUNT; i++) {
        if (!d->counts[i])
            continue;
        snprintf(text, sizeof text, "%s: %" PRIu64 "\n",
                 bk_dataset_rule_name((enum bk_dataset_rule)i), d->counts[i]);
        bk_buf_adds(out, text);
    }
}

/* Cut behind `cut` bytes, or before each byte where that is -1. */
static void run(const char *text, size_t n, long cut, bk_buf *out)
{
    bk_dataset d;
    int good = bk_dataset_init(&d, &OPTIONS);
    bk_buf_reset(out);
    if (cut < 0)
        for (size_t i = 0; i < n; i++)
            good = good && bk_dataset_feed(&d, guarded(text + i, 1), 1);
    else
        good = good && bk_dataset_feed(&d, guarded(text, (size_t)cut), (size_t)cut) &&
               bk_dataset_feed(&d, guarded(text + cut, n - (size_t)cut), n - (size_t)cut);
    if (good && bk_dataset_finish(&d))
        describe(&d, out);
    bk_dataset_free(&d);
}

static const char *const texts[] = {
    "{\"prompt\":\"one\",\"completion\":\"Yes.\"}\n{\"prompt\":\"two\",\"completion\":\" \"}\r\n",
    "\xEF\xBB\xBF{\"prompt\":\"gr\xC3\xBC\xC3\x9F\",\"completion\":\"\xF0\x9F\x99\x82\"}\n\n \n"
    "{\"prompt\":\"\xFC\xE2\x82\",\"completion\":\"\\ud83d\\ude42\\ud83d\\u0000\\u00e4\"}\n\n\n",
    "{\n \"prompt\": \"a}\",\n \"completion\": "
    "\"b\\\"{\"\n}\n{\"prompt\":\"a\nb\\\n\",\"c\":1}\n{\"a",
    "{\"schemaVersion\":\"2024\",\"system\":[{\"text\":\"User: \"}],\"messages\":[{\"content\":"
    "[{\"text\":\"SYSTEM: \\u003cimage\\u003e [EOS]\"},{},{\"x\":1}],\"role\":\"user\"},{\"role\":"
    "\"user\",\"content\":[{\"image\":{\"format\":\"bmp\",\"source\":{\"s3Location\":{\"uri\":"
    "\"s3://corpus/a b.png\"}}}}]}]}\n{\"messages\":[{\"role\":\"system\",\"content\":\"a\"}]}\n",
    "{\"system\":\"\",\"messages\":[{\"role\":\"assistant\",\"content\":\"Bot:\"},{\"role\":"
    "\"user\","
    "\"content\":[1,-2.5e3,true,null]}]}\n{\"messages\":[]}\n{\"messages\":{},\"prompt\":01}\n",
    "{\"image-ref\":\"s3:\\/\\/bucket\\/a.png\",\"caption\":\"ab\"}\n{\"caption\":\"abcdef\"}\n"
    "{\"image-ref\":\"http://x\",\"caption\":\"abc\"}{}\n{\"image-ref\":\"s3://other/"
    "b\",\"caption\":"
    "\"abc\"} ,\n",
    "[\n{\"prompt\":\"a\"},\n{}\n]\n",
    "PK\3\4 and so on\n\n",
    "\n\n\n",
    "nope\n{'a':1}\n{\"a\":tru}\n{\"a\":NaN,}\n[1,\n-\n\"abc\n{\"a\":\"\\q\"}\n{\"a\":[}\n",
    "{\"prompt\":"
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
    "\"completion\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n"
    "{\"prompt\":"
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
    "\"completion\":\"a\"}",
};

static void test_cuts(void)
{
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t n = strlen(texts[i]);
        bk_buf whole = {0}, again = {0};
        int same = 1;
        run(texts[i], n, (long)n, &whole);
        ok(whole.len > 0 && !whole.failed, "a text is checked");
        for (long cut = -1; same && cut <= (long)n; cut++) {
            run(texts[i], n, cut, &again);
            same = again.len == whole.len && memcmp(again.data, whole.data, whole.len) == 0;
        }
        ok(same, "  with the same result however it is cut");
        bk_buf_free(&whole);
        bk_buf_free(&again);
    }
}

/* Each beginning of a text, too: some end in the middle of an escape or a character. */
static void test_beginnings(void)
{
    int same = 1;
    bk_buf whole = {0}, bytes = {0};
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t n = 0; n < strlen(texts[i]); n++) {
            run(texts[i], n, (long)n, &whole);
            run(texts[i], n, -1, &bytes);
            same = same && whole.len > 0 && bytes.len == whole.len &&
                   memcmp(bytes.data, whole.data, whole.len) == 0;
        }
    }
    ok(same, "beginnings of texts give the same whole and byte by byte");
    bk_buf_free(&whole);
    bk_buf_free(&bytes);
}

static void test_long_lines(void)
{
    enum { MORE = 100 };
    size_t n = BK_DATASET_MAX_RECORD + MORE;
    char *text = malloc(n);
    bk_dataset d;
    if (!text || !bk_dataset_init(&d, &OPTIONS)) {
        ok(0, "memory for a long line");
        free(text);
        return;
    }
    memset(text, 'x', n);
    for (size_t at = 0; at < 10 * n; at += 1000)
        bk_dataset_feed(&d, text, 1000);
    ok(d.part.cap <= 2 * BK_DATASET_MAX_RECORD, "a line without end is not kept");
    bk_dataset_feed(&d, "\n", 1);
    ok(d.counts[BK_RULE_RECORD_TOO_LARGE] == 1 && d.records == 1 && d.bad_records == 1,
       "it is told of once");
    text[BK_DATASET_MAX_RECORD] = '\n';
    bk_dataset_feed(&d, text, n);
    ok(d.counts[BK_RULE_RECORD_TOO_LARGE] == 1 && d.counts[BK_RULE_JSON] == 1,
       "a line of just the most is checked");
    bk_dataset_free(&d);
    free(text);
}

static void test_hist(void)
{
    static bk_hist h;
    ok(bk_hist_percentile(&h, 0.5) == 0, "nothing has no percentile");
    for (uint64_t i = 1; i <= 10000; i++)
        bk_hist_add(&h, i * i);
    for (int percent = 0; percent <= 100; percent += 10) {
        double exact = percent * 100.0 * percent * 100.0, got;
        got = (double)bk_hist_percentile(&h, percent / 100.0);
        if (percent == 0)
            exact = 1;
        if (got > exact * 33 / 32 || got < exact * 31 / 32) {
            printf("# %d %%: %g, not %g\n", percent, got, exact);
            ok(0, "percentiles are near");
            return;
        }
    }
    ok(1, "percentiles are near");
    bk_hist_add(&h, UINT64_MAX);
    ok(h.max == UINT64_MAX && h.min == 1 && bk_hist_percentile(&h, 1) == UINT64_MAX,
       "the largest number has a range");
}

static void test_seen(void)
{
    bk_seen s;
    char text[64];
    int good = bk_seen_init(&s, 1000);
    uint64_t first = 0;
    for (int i = 1; good && i <= 2000; i++) {
        int n = snprintf(text, sizeof text, "the text with the number %d", i);
        good = bk_seen_add(&s, bk_seen_hash(&s, text, (size_t)n), (uint64_t)i) == 0;
    }
    ok(good && s.full && s.used == s.room && s.room >= 1000, "texts are kept while there is room");
    for (int i = 1; good && i <= 2000; i++) {
        int n = snprintf(text, sizeof text, "the text with the number %d", i);
        first = bk_seen_add(&s, bk_seen_hash(&s, text, (size_t)n), 5000);
        good = first == ((size_t)i <= s.room ? (uint64_t)i : 0);
    }
    ok(good, "and found again");
    good = 1;
    memset(text, 0, sizeof text);
    for (size_t n = 0; n < sizeof text; n++)
        for (size_t m = 0; m < n; m++)
            good = good && bk_seen_hash(&s, text, n) != bk_seen_hash(&s, text, m);
    ok(good, "lengths count");
    for (size_t n = 1; n < sizeof text; n++) {
        const char *zeros = guarded(text, n);
        uint64_t zero = bk_seen_hash(&s, zeros, n);
        for (size_t i = 0; i < n; i++) {
            char *other = guarded(text, n);
            other[i] = 1;
            good = good && bk_seen_hash(&s, other, n) != zero;
        }
    }
    ok(good, "each byte counts");
    bk_seen_free(&s);
    ok(bk_seen_add(&s, 1, 1) == 0 && bk_seen_add(&s, 1, 2) == 0,
       "a closed table remembers nothing");
}

static void test_file(void)
{
    char path[] = "/tmp/bedrock-dataset-XXXXXX";
    static const char text[] = "some text\n";
    bk_datasetfile f;
    size_t n = 0;
    int fd = mkstemp(path);
    bk_datasetfile_init(&f);
    ok(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1 &&
           bk_datasetfile_open(&f, path) == 0 && f.size == sizeof text - 1,
       "a file is opened");
    ok(bk_datasetfile_read(&f, &n) == 0 && n == sizeof text - 1 && memcmp(f.piece, text, n) == 0,
       "it is read");
    ok(bk_datasetfile_read(&f, &n) == 0 && n == 0, "to its end");
    bk_datasetfile_close(&f);
    bk_datasetfile_close(&f);
    ok(bk_datasetfile_open(&f, "/tmp") == EISDIR && f.fd == -1 && !f.piece, "a folder is refused");
    close(fd);
    unlink(path);
    ok(bk_datasetfile_open(&f, path) == ENOENT && f.fd == -1 && !f.piece, "and what is missing");
}

int main(void)
{
    test_cuts();
    test_beginnings();
    test_long_lines();
    test_hist();
    test_seen();
    test_file();
    return done();
}
